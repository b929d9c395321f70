# What was written to a file that nobody closed is there at the next use of files, and in the next cell.
# far: files

open("/a", "w").write("one")
print(vfs.read("/a"), open("/a").read())
f = open("/b", "w")
n = f.write("two")
f.flush()
# %%
print(vfs.read("/b"))
n = f.write("!")
f.close()
print(vfs.read("/b"))
# expected
#> one one
# %%
#> two
#> two!
