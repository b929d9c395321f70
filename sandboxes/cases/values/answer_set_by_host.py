# An `answer` that the host binds is given by the next cell.
# %% set answer = {"content": 4, "ready": True}
# %%
x = 1
# %%
x = 2
# expected
# %%
#. 4
# %%
