# Tuples compare item by item, are hashable, and print a comma when alone.
print((1, 2) < (1, 3), (1,) + (2,), (1, [2]) == (1, [2]), {(0, 1): "a"}[0, 1], (1,), (), tuple("ab"), (1, 2, 2).count(2))
(1, 2)[0] = 5
# expected
#> True (1, 2) True a (1,) () ('a', 'b') 2
#! TypeError: 'tuple' object does not support item assignment @2
