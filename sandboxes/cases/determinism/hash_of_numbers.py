# Numbers have the hash that they have everywhere.
print(hash(5), hash(-1), hash(2.0), hash(True), hash(None) == hash(None), hash("a") == hash("a"), hash((1, 2)) == hash((1, 2)))
# expected
#> 5 -2 2 1 True True True
