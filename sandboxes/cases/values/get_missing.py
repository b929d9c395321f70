# A variable that there is not is a LookupError.
x = 1
# %% get y
# expected
# %%
#! LookupError: no variable named 'y'
