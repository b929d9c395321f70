# FINAL in the same cell wins over `answer`, wherever it stands, and `answer` does not come afterwards.
answer["content"], answer["ready"] = "of answer", True
FINAL("of FINAL")
# %%
x = 1
# %%
FINAL_VAR("x")
answer["content"], answer["ready"] = "of answer", True
# %%
FINAL("of FINAL")
answer["content"], answer["ready"] = {1}, True
# %%
x = 2
# expected
#. 'of FINAL'
# %%
# %%
#. 1
# %%
#. 'of FINAL'
# %%
