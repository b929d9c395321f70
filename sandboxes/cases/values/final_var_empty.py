# FINAL_VAR of a variable that holds an empty value gives that value.
a, b, c, d, e = "", 0, None, [], False
FINAL_VAR("a")
# %%
FINAL_VAR("b")
# %%
FINAL_VAR("c")
# %%
FINAL_VAR("d")
# %%
FINAL_VAR("e")
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
