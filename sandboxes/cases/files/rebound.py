# A cell may use the objects' names for its own things; what it kept of them goes on working.
# far: files

write = vfs.write
vfs = {"read": 5}
write("/a", "1")
print(vfs["read"], vfs.get("x"))


def f(fork):
    strategy = fork + 1
    return strategy


print(f(1))
# %%
print(vfs)
# expected
#> 5 None
#> 2
# %%
#> {'read': 5}
