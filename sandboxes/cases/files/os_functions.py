# `os` lists and removes files.
# far: files
import os

vfs.write("/plans/a.txt", "abc")
print(os.listdir("/plans"), os.path.exists("/plans/a.txt"), os.path.isfile("/plans"), os.path.isdir("/plans"), os.path.getsize("/plans/a.txt"))
os.makedirs("/plans", exist_ok=True)
os.rename("/plans/a.txt", "/plans/b.txt")
print(os.listdir("/plans"), os.path.join("a", "b.txt"), os.path.splitext("a.txt"), os.path.basename("/a/b"))
os.remove("/plans/b.txt")
print(os.path.exists("/plans/b.txt"))
# expected
#> ['a.txt'] True False True 3
#> ['b.txt'] a/b.txt ('a', '.txt') b
#> False
