# A dump keeps lambdas.
square = lambda n: n * n  # noqa: E731
# %% dump
# %%
print(square(7))
# expected
# %%
# %%
#> 49
