# Plain values come back equal and of the same type.
# far: echo

values = [None, True, False, 0, -1, 2**63, -(2**200), 1.5, -0.0, 1e300, "", "é😀\n\x00", b"\x00\xff", [], {}, [[[]]], {"k": {"l": [1]}}]
changed = []
for value in values:
    back = echo(value)
    if back != value or type(back) is not type(value):
        changed.append(value)
print(changed)
# expected
#> []
