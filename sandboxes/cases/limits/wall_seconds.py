# A cell that runs too long is ended; what it printed and earlier variables are kept.
# limits: wall_seconds=0.3

x = [1]
# %%
print("before")
while True:
    pass
# %%
x
# expected
# %%
#> before
#! limit wall_seconds
# %%
#= [1]
