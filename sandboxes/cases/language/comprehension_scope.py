# A comprehension has a scope of its own, except for what `:=` binds.
x = "outer"
print([x for x in range(2)], x)
if any([(hit := n) > 2 for n in [1, 2, 3]]):
    print(hit)
print([last := n * 2 for n in range(3)], last)
# expected
#> [0, 1] outer
#> 3
#> [0, 2, 4] 4
