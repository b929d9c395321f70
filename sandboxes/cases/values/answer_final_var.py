# `answer` is no variable before a cell binds it.
FINAL_VAR("answer")
# %% get answer
# %%
answer = "Paris"
# %%
FINAL_VAR("answer")
# %% get answer
# expected
#! NameError: FINAL_VAR: no variable named 'answer'
# %%
#! LookupError: no variable named 'answer'
# %%
# %%
#. 'Paris'
# %%
#. 'Paris'
