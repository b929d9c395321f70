# any() stops a generator expression at the first hit.
if any((hit := n) > 2 for n in [1, 2, 3, 4]):
    print(hit)
# expected
#> 3
