# Time runs out inside of one long native call too.
# limits: wall_seconds=0.3

x = 1
# %%
sum(range(10**11))
# %%
x
# expected
# %%
#! limit wall_seconds
# %%
#= 1
