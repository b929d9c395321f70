# The one value of FINAL and SUBMIT may be named; none, or two, is an error that says so.
SUBMIT(answer=7)
# %%
FINAL(value=8)
# %%
SUBMIT(1, 2)
# %%
FINAL()
# %%
SUBMIT({1})
# expected
#. 7
# %%
#. 8
# %%
#! TypeError: SUBMIT takes exactly one argument @1
# %%
#! TypeError: FINAL takes exactly one argument @1
# %%
#! TypeError: a set cannot cross; use sorted(...) or list(...) @1
