# The host can replace a variable, and functions see it.
x = 1


def f():
    return x


# %% set x = "new"
# %%
f()
# expected
# %%
# %%
#= 'new'
