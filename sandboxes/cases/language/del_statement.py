# `del` takes away variables, items, slices and keys.
numbers, table, gone = [0, 1, 2, 3, 4], {"a": 1, "b": 2}, 1
del numbers[0], numbers[-2:], table["a"], gone
print(numbers, table)
try:
    gone
except NameError:
    print("gone")
# expected
#> [1, 2] {'b': 2}
#> gone
