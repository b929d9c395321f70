# Empty contents, zero, None and False are answers.
answer["ready"] = True
# %%
answer["content"], answer["ready"] = "", True
# %%
answer["content"], answer["ready"] = 0, True
# %%
answer["content"], answer["ready"] = [], True
# %%
answer["content"], answer["ready"] = False, True
# expected
#. None
# %%
#. ''
# %%
#. 0
# %%
#. []
# %%
#. False
