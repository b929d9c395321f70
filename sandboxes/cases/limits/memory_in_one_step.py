# One value that is too large ends the cell as well.
# limits: memory_bytes=64 * 2**20

x = 1
# %%
y = "ab" * 500_000_000
# %%
x
# expected
# %%
#! limit memory_bytes
# %%
#= 1
