# A function sees the variables as they are when it is called.
rate = 2


def convert(n):
    return n * rate


# %%
rate = 10
print(convert(1))
# %%
del_me = rate = 100
print(convert(1))
# expected
# %%
#> 10
# %%
#> 100
