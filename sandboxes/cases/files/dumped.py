# The objects and their methods are there after a dump, and so is what was made of them.
# far: files

read, group = vfs.read, vfs
vfs.write("/a", "1")
fork = "mine"
# %% dump
# %%
print(read("/evidence/parent.txt"), group is vfs, group.exists("/plans"), fork)
print(checkpoint.list())
# expected
# %%
# %%
#> of the parent
#>  True True mine
#> []
