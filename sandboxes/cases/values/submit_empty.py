# Empty values, zero, None and False are answers to SUBMIT too, each with its type.
SUBMIT("")
# %%
SUBMIT(0)
# %%
SUBMIT(None)
# %%
SUBMIT([])
# %%
SUBMIT(False)
# expected
#. ''
# %%
#. 0
# %%
#. None
# %%
#. []
# %%
#. False
