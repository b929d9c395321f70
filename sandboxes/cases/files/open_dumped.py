# An open file is there after a dump, and goes on where it was.
# far: files

vfs.write("/a", "one\ntwo\n")
f = open("/a")
print(repr(f.readline()))
# %% dump
# %%
print(repr(f.readline()))
# expected
#> 'one\n'
# %%
# %%
#> 'two\n'
