# A last expression that is None shows nothing.
print("done")
None
# expected
#> done
