# `next(generator, default)` finds the first match or gives the default.
words = ["pear", "apple", "fig"]
print(next((word for word in words if len(word) < 4), None), next((word for word in words if "z" in word), "none"))
# expected
#> fig none
