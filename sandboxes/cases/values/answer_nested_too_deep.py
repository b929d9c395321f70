# An `answer` that holds itself, or nests without end, is refused as FINAL refuses it.
loop = []
loop.append(loop)
answer["content"], answer["ready"] = loop, True
# %%
answer["content"], answer["ready"] = answer, True
# %%
print(answer["ready"])
# expected
#! ValueError: answer: 
# %%
#! ValueError: answer: 
# %%
#> False
