# zip(strict=True) refuses lists of different lengths.
print(list(zip([1, 2], "ab", strict=True)))
list(zip([1, 2], "a", strict=True))
# expected
#> [(1, 'a'), (2, 'b')]
#! ValueError: zip() argument 2 is shorter than argument 1 @2
