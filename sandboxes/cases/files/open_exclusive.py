# Mode "x" makes a file, and never one that is there.
# far: files

with open("/a", "x") as f:
    f.write("1")
try:
    open("/a", "x")
except FileExistsError:
    print(vfs.read("/a"))
# expected
#> 1
