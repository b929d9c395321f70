# An iterator goes on in a later cell.
rows = iter([1, 2, 3])
next(rows)
# %%
print(next(rows), list(rows))
# expected
#= 1
# %%
#> 2 [3]
