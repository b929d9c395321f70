# Mode "r+" reads and writes.
# far: files

vfs.write("/a", "abcdef")
with open("/a", "r+") as f:
    f.write("X")
    f.seek(2)
    print(f.read())
print(vfs.read("/a"))
# expected
#> cdef
#> Xbcdef
