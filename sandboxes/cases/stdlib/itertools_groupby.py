# groupby takes runs of equal keys, so what is to be grouped is sorted first.
import itertools as it

rows = [("x", 1), ("y", 2), ("x", 3)]
print([(key, [n for _, n in group]) for key, group in it.groupby(rows, key=lambda row: row[0])])
print([(key, [n for _, n in group]) for key, group in it.groupby(sorted(rows), key=lambda row: row[0])])
print([(key, len(list(group))) for key, group in it.groupby("aabbba")])
# expected
#> [('x', [1]), ('y', [2]), ('x', [3])]
#> [('x', [1, 3]), ('y', [2])]
#> [('a', 2), ('b', 3), ('a', 1)]
