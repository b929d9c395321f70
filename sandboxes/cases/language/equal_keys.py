# A key that is already there stays as it was first written; the value is the new one.
print({1: "int", 1.0: "float", True: "bool"})
# expected
#> {1: 'bool'}
