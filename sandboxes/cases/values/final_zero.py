# Zero is an answer, and so is False.
FINAL(0)
# %%
FINAL(False)
# %%
FINAL(None)
# expected
#. 0
# %%
#. False
# %%
#. None
