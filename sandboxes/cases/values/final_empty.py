# An empty text is an answer, and so are an empty list and an empty dict.
FINAL("")
# %%
FINAL([])
# %%
FINAL({})
# %%
FINAL(0.0)
# expected
#. ''
# %%
#. []
# %%
#. {}
# %%
#. 0.0
