# A function that an earlier cell defined may give the answer, long after.
def finish(value):
    answer["content"] = value
    answer["ready"] = True


# %%
x = 1
# %%
x = 2
# %%
finish([x])
# %%
for i in range(3):
    finish(i)
# expected
# %%
# %%
# %%
#. [2]
# %%
#. 2
