# Sorting is stable, also in reverse and by several passes.
rows = [("b", 1), ("a", 2), ("c", 1), ("d", 2), ("e", 1)]
rows.sort(key=lambda row: row[1])
print(rows)
rows.sort(key=lambda row: row[1], reverse=True)
print(rows)
# expected
#> [('b', 1), ('c', 1), ('e', 1), ('a', 2), ('d', 2)]
#> [('a', 2), ('d', 2), ('b', 1), ('c', 1), ('e', 1)]
