# Without a context, asking ctx is a RuntimeError that says so.
ctx.len_chars()
# expected
#! RuntimeError: this session has no context @1
