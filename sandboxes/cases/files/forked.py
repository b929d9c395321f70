# The objects work in a copy of the session.
# far: files

read = vfs.read
# %% fork
# %%
vfs.write("/a", "1")
print(read("/a"))
# %% back
# %%
print(read("/evidence/parent.txt"))
# expected
# %%
# %%
#> 1
# %%
# %%
#> of the parent
#> 
