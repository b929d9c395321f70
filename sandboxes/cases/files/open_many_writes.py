# However often a file is written to, it is one call of the host or two.
# far: files
# limits: host_calls=4

with open("/a", "w") as f:
    for number in range(1000):
        f.write(f"{number}\n")
print(len(vfs.read("/a")))
# %%
for number in range(5):
    vfs.append("/a", "x")
# expected
#> 3890
# %%
#! RuntimeError: host_calls=4 exceeded @2
