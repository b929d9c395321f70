# An answer that was taken does not come again by itself: "ready" is False afterwards, the content stays.
answer["content"], answer["ready"] = 1, True
# %%
print(answer)
# %%
answer["content"] = 2
# %%
answer["ready"] = True
# expected
#. 1
# %%
#> {'content': 1, 'ready': False}
# %%
# %%
#. 2
