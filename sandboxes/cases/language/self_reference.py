# A list that holds itself is shown without end.
loop = [1]
loop.append(loop)
print(loop[1][1][0], len(loop))
table = {}
table["me"] = table
print(table["me"]["me"] is table)
# expected
#> 1 2
#> True
