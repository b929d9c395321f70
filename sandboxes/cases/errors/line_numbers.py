# An error names the line of the cell where it happened.
a = 1

b = [
    1,
    2,
]
b[7]
# expected
#! IndexError: list index out of range @7
