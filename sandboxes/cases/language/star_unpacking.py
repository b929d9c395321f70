# A starred target takes what the others leave, also nested, and a star spreads inside displays.
first, (second, *inner), *rest = 1, [2, 3, 4], 5, 6
head, *middle, tail_item = "abcd"
print(first, second, inner, rest, head, middle, tail_item)
print([*range(3), *"ab"], {**{"a": 1}, "b": 2, **{"a": 3}}, (*[1], 2))
# expected
#> 1 2 [3, 4] [5, 6] a ['b', 'c'] d
#> [0, 1, 2, 'a', 'b'] {'a': 3, 'b': 2} (1, 2)
