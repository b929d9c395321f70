# After a cell that was stopped, `answer` and the functions that fill it are as good as before.
# limits: wall_seconds=0.3

def finish(value):
    answer["content"] = value
    answer["ready"] = True


answer["content"] = "before"
# %%
while True:
    pass
# %%
print(answer)
finish("after")
# expected
# %%
#! limit wall_seconds
# %%
#> {'content': 'before', 'ready': False}
#. 'after'
