# A fork has an `answer` of its own, filled as the original's was.
def finish(value):
    answer["content"] = [answer["content"], value]
    answer["ready"] = True


answer["content"] = "before"
# %% fork
# %%
finish("fork")
# %%
print(answer)
# %% back
# %%
print(answer)
# %%
finish("original")
# expected
# %%
# %%
#. ['before', 'fork']
# %%
#> {'content': ['before', 'fork'], 'ready': False}
# %%
# %%
#> {'content': 'before', 'ready': False}
# %%
#. ['before', 'original']
