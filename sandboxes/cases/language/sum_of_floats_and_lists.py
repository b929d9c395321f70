# sum() takes a start, joins lists, and refuses str.
print(sum([1, 2], 10), sum([[1], [2]], []), sum([True, False, True]))
sum(["a", "b"], "")
# expected
#> 13 [1, 2] 2
#! TypeError: sum() can't sum strings [use ''.join(seq) instead] @2
