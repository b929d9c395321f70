# A dump keeps functions, with their defaults and globals.
rate = 3


def convert(n, offset=1):
    return n * rate + offset


# %% dump
# %%
rate = 10
print(convert(2))
# expected
# %%
# %%
#> 21
