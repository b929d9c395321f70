# Functions call themselves, several hundred levels deep.
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def flatten(value):
    return [leaf for item in value for leaf in flatten(item)] if isinstance(value, list) else [value]


print(depth(500), flatten([1, [2, [3, [4]]], []]))
# expected
#> 500 [1, 2, 3, 4]
