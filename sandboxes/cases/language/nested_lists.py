# `[[0] * n] * m` repeats one list; a comprehension makes several.
same = [[0] * 2] * 2
same[0][0] = 1
own = [[0] * 2 for _ in range(2)]
own[0][0] = 1
print(same, own)
# expected
#> [[1, 0], [1, 0]] [[1, 0], [0, 0]]
