# The limit counts all that a cell prints, and the next cell starts anew.
# limits: output_chars=20

for n in range(100):
    print(n)
# %%
print("fresh")
# expected
#> 0
#> 1
#> 2
#> 3
#> 4
#>
#> 97
#> 98
#> 99
#~ dropped: 270
# %%
#> fresh
