# Ranges are compared, indexed, sliced and searched without being built.
r = range(10, 0, -3)
print(list(r), len(r), r[1], r[-1], 7 in r, 8 in r, list(r[1:]), range(10**12)[10**11], sum(range(101)))
# expected
#> [10, 7, 4, 1] 4 7 1 True False [7, 4, 1] 100000000000 5050
