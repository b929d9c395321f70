# What is false marks nothing as ready, and neither does an object of a class: it is not asked whether it is true.
class Odd:
    def __bool__(self):
        raise ValueError("asked")

    def __len__(self):
        raise ValueError("asked")


answer["content"], answer["ready"] = 1, Odd()
# %%
answer["ready"] = 0
# %%
answer["ready"] = {}
# %%
answer["ready"] = print
# %%
answer["ready"] = None
# %%
answer["ready"] = [0] * 100_000
# expected
# %%
# %%
# %%
# %%
# %%
#. 1
