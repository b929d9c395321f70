# iter() over a function stops at the sentinel, and iterators are used up.
values = iter([1, 2, 0, 3])
print(list(iter(lambda: next(values), 0)), list(values), list(values))
# expected
#> [1, 2] [3] []
