# The dict `answer` gives the final answer once its "ready" is true; the value keeps its type.
print(answer)
# %%
answer["content"] = {"total": 3.5, "rows": [(1, None)]}
# %%
answer["ready"] = True
# expected
#> {'content': None, 'ready': False}
# %%
# %%
#. {'total': 3.5, 'rows': [[1, None]]}
