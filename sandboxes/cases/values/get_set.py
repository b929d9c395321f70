# A set does not cross, and the error says what to do.
s = {1}
# %% get s
# expected
# %%
#! TypeError: a set cannot cross; use sorted(...) or list(...)
