# A dump keeps generators where they are.
def numbers():
    yield 1
    yield 2


stream = numbers()
next(stream)
# %% dump
# %%
print(next(stream))
# expected
#= 1
# %%
# %%
#> 2
