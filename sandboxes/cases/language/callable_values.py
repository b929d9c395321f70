# callable() tells functions from other values.
print(callable(len), callable(lambda: 1), callable(int), callable(5))
# expected
#> True True True False
