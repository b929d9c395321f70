# A set is refused in the cell, with what to do.
FINAL({1, 2})
# expected
#! TypeError: a set cannot cross; use sorted(...) or list(...) @1
