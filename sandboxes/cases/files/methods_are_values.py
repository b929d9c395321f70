# Methods of the objects are kept in variables and go on working in later cells.
# far: files

read, tools = vfs.read, {"w": vfs.write}
tools["w"]("/a", "1")


def both(path):
    return read(path) + vfs.read(path)


# %%
print(both("/a"), [read(path) for path in ["/a", "/evidence/parent.txt"]])
# expected
# %%
#> 11 ['1', 'of the parent\n']
