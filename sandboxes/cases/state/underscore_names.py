# Names that begin with underscores are ordinary variables.
_private, __x = 1, 2
for _ in range(3):
    pass
# %%
print(_private, __x, _)
# expected
# %%
#> 1 2 2
