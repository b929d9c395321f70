# `open` writes a text, reads it whole, by line and by part, and adds to it.
# far: files

with open("/plans/a.txt", "w") as f:
    print(f.write("one\n"), f.write("two\nthree"))
with open("/plans/a.txt", "a") as f:
    f.write("!\n")
with open("/plans/a.txt") as f:
    print(repr(f.readline()), f.readlines())
print([line.strip() for line in open("/plans/a.txt")], len(open("/plans/a.txt", encoding="utf-8").read()))
print(f.closed, vfs.read("/plans/a.txt") == "one\ntwo\nthree!\n")
# %%
with open("/plans/a.txt", mode="wt", newline="") as f:
    f.write("é\r\n")
print(vfs.read("/plans/a.txt", binary=True), repr(open("/plans/a.txt").read()))
# expected
#> 4 9
#> 'one\n' ['two\n', 'three!\n']
#> ['one', 'two', 'three!'] 15
#> True True
# %%
#> b'\xc3\xa9\r\n' 'é\n'
