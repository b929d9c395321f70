# `answer`, its other names, what it holds and the functions that fill it are there after a dump.
def finish(value):
    answer["content"] = value
    answer["ready"] = True


answer["content"] = "kept"
form = answer
# %% dump
# %%
print(answer, NO_ANSWER, form is answer)
# %%
finish(1)
# %% dump
# %%
form["ready"] = True
# expected
# %%
# %%
#> {'content': 'kept', 'ready': False} NO_ANSWER True
# %%
#. 1
# %%
# %%
#. 1
