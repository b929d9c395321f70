# Variables may have names in any script.
größe, 数, Ω = 1, 2, 3
print(größe + 数 + Ω)
# expected
#> 6
