# SUBMIT is another name of FINAL: the value keeps its type, and the last one of a cell counts.
SUBMIT({"n": 1, "f": 1.0, "t": (True, None)})
# %%
FINAL("first")
SUBMIT(2)
# %%
SUBMIT(3)
FINAL("last")
# %%
done = SUBMIT
done([b"x"])
# expected
#. {'n': 1, 'f': 1.0, 't': [True, None]}
# %%
#. 2
# %%
#. 'last'
# %%
#. [b'x']
