# A power with millions of digits is ended by a limit.
# limits: wall_seconds=0.4, memory_bytes=128 * 2**20

x = 1
# %%
3 ** (10**9)
# %%
x
# expected
# %%
#! limit wall_seconds|memory_bytes
# %%
#= 1
