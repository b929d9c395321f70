# An `answer` that a cell bound to something else stays that after a dump, and may become the dict again.
answer = "Paris"
# %% dump
# %%
print(answer, SHOW_VARS())
answer = {"content": answer, "ready": True}
# expected
# %%
# %%
#> Paris answer: str of 5
#. 'Paris'
