# What a cell leaves in an open file is written when the cell has ended: in CPython not before the file is closed.
# far: files

f = open("/a", "w")
n = f.write("one")
# %%
print(vfs.read("/a") in ("one", ""))
f.close()
print(vfs.read("/a"))
# expected
# %%
#> True
#> one
