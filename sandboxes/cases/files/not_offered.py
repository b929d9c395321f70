# Without such functions there are no such objects, and their names are free.

fork, checkpoint = 1, 2
print(fork + checkpoint)
# %%
vfs.read("/a")
# %%
vfs__read = 3
print(vfs__read)
# expected
#> 3
# %%
#! NameError: name 'vfs' is not defined @1
# %%
#> 3
