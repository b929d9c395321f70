# print accepts flush.
print("a", flush=True)
# expected
#> a
