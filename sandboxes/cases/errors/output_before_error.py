# What was printed before an exception is kept, and so are the variables.
print("seen")
y = 5
1 / 0
# %%
y
# expected
#> seen
#! ZeroDivisionError: division by zero @3
# %%
#= 5
