# What was written before an error in a `with` block is in the file.
# far: files

try:
    with open("/a", "w") as f:
        f.write("one\n")
        1 / 0
except ZeroDivisionError:
    print(f.closed)
print(repr(vfs.read("/a")))
# %%
with open("/b", "w") as f:
    f.write("two")
    1 / 0
# %%
print(vfs.read("/b"))
# expected
#> True
#> 'one\n'
# %%
#! ZeroDivisionError @3
# %%
#> two
