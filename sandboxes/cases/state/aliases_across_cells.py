# Two names of one list stay one list.
a = b = []
table = {"list": a}
# %%
a.append(1)
print(b, table, a is b, table["list"] is a)
# expected
# %%
#> [1] {'list': [1]} True True
