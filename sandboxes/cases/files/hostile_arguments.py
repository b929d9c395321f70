# What is no path and no data is refused before it leaves the cell, or by the file system, and changes nothing.
# far: files


class Path:
    def __str__(self):
        return "/plans/b"


for path in [Path(), {"/a"}, len, 7, None, ["/a"], "/a\0b", "a" * 1000, "/a\\b", "/x/../y"]:
    try:
        vfs.write(path, "x")
        print("written", path)
    except (TypeError, ValueError):
        pass
for data in [Path(), {1}, 7, None, ["x"], 1.5]:
    try:
        vfs.write("/a", data)
        print("written", data)
    except TypeError:
        pass
print(vfs.list())
# expected
#> ['/evidence/parent.txt']
