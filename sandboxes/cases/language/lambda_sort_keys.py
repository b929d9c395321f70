# Sorting by a key function, by several keys, in reverse, and without disturbing equal items.
rows = [("b", 2), ("a", 2), ("c", 1), ("d", 1)]
print(sorted(rows, key=lambda row: row[1]))
print(sorted(rows, key=lambda row: (-row[1], row[0])))
print(sorted(rows, key=lambda row: row[1], reverse=True))
print(max(rows, key=lambda row: row[1]), min(rows, key=lambda row: row[1]))
# expected
#> [('c', 1), ('d', 1), ('b', 2), ('a', 2)]
#> [('a', 2), ('b', 2), ('c', 1), ('d', 1)]
#> [('b', 2), ('a', 2), ('c', 1), ('d', 1)]
#> ('b', 2) ('c', 1)
