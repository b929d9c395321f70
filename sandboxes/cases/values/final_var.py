# FINAL_VAR gives a variable's value, with its type.
result = {"total": 3.5}
FINAL_VAR("result")
# %%
n = 7
# %%
FINAL_VAR("n")
# expected
#. {'total': 3.5}
# %%
# %%
#. 7
