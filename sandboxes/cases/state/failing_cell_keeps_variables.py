# What a failing cell bound before its error is there afterwards, changes of values too.
items = [1]
# %%
items.append(2)
half_done = True
raise ValueError("stop")
# %%
print(items, half_done)
# expected
# %%
#! ValueError: stop @3
# %%
#> [1, 2] True
