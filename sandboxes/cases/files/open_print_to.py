# `print(file=…)` and `writelines` write to a file.
# far: files

with open("/a", "w") as f:
    print("one", 2, file=f)
    f.writelines(["three\n", "four\n"])
print(vfs.read("/a").split())
# expected
#> ['one', '2', 'three', 'four']
