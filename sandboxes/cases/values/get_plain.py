# The host reads variables as plain data.
x = {"a": (1, 2), "b": [b"x", None]}
# %% get x
# expected
# %%
#. {'a': [1, 2], 'b': [b'x', None]}
