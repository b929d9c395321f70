# A fork has the same variables, and neither sees what the other does.
x = [1]
# %% fork
# %%
x.append("fork")
y = "only here"
print(x)
# %% back
# %%
print(x)
y
# expected
# %%
# %%
#> [1, 'fork']
# %%
# %%
#> [1]
#! NameError: name 'y' is not defined @2
