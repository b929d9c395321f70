# A dump keeps closures.
def make(n):
    def add(x):
        return x + n

    return add


add_two = make(2)
# %% dump
# %%
print(add_two(5))
# expected
# %%
# %%
#> 7
