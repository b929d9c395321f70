# A cell may use the name `answer` for anything else; a dict with "content" and "ready" gives the answer again.
answer = "ready"
# %%
answer = ["content", "ready"]
print(answer[1])
# %%
answer = {"ready": False, "content": 1}
# %%
answer = dict(content=[1], ready=1)
# %%
answer = {"ready": True}
# %%
answer = {"content": None, "ready": "yes", "more": 1}
# expected
# %%
#> ready
# %%
# %%
#. [1]
# %%
#! ValueError: answer: it has no 'content'; set answer['content']; then set
# %%
#. None
