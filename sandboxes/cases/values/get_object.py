# A function or an object does not cross.
def f():
    pass


# %% get f
# expected
# %%
#! TypeError: a function cannot cross; only None, bool, int, float, str, bytes, list and dict cross
