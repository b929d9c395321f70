# A cell that takes too much memory is ended, and earlier variables are kept.
# limits: memory_bytes=64 * 2**20

x = "kept"
# %%
hoard = []
while True:
    hoard.append("a" * 1_000_000 + str(len(hoard)))
# %%
x
# expected
# %%
#! limit memory_bytes
# %%
#= 'kept'
