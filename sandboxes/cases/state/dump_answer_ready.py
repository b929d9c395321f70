# An answer that a failing cell left behind comes after a dump too, though no cell since says the word.
answer["content"], answer["ready"] = "left", True
raise ValueError("stop")
# %% dump
# %%
x = 1
# %%
x = 2
# expected
#! ValueError: stop @2
# %%
# %%
#. 'left'
# %%
