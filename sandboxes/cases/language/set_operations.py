# Sets unite, intersect, differ and compare.
a, b = {1, 2, 3}, {3, 4}
print(sorted(a | b), a & b, sorted(a - b), sorted(a ^ b), {1} < a, a.isdisjoint({9}), a.issuperset({1, 2}))
a.add(9)
a.discard(100)
a |= {7}
a.remove(1)
print(sorted(a), len(a), frozenset([1, 2]) == {2, 1}, set() == frozenset())
# expected
#> [1, 2, 3, 4] {3} [1, 2] [1, 2, 4] True True True
#> [2, 3, 7, 9] 4 True True
