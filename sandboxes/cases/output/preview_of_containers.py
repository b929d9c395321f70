# Containers are shown as Python writes them.
[(1,), {"k": {2}}, set(), {}, (), [None, True, 1.5], "s", b"b"]
# expected
#= [(1,), {'k': {2}}, set(), {}, (), [None, True, 1.5], 's', b'b']
