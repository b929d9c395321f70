# Twenty cells later the first variable is there.
x = 1
# %%
for _ in range(20):
    x += 1
# %%
y = x
# %%
y == 21
# expected
# %%
# %%
# %%
#= True
