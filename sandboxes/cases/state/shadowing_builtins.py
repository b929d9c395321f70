# A cell may use a built-in function's name, and later cells see it.
list = [1, 2]
sum = 5
# %%
print(list, sum, len(list))
# expected
# %%
#> [1, 2] 5 2
