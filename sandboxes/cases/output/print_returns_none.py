# The value of print is not shown, and is None.
value = print("x")
print(value)
# expected
#> x
#> None
