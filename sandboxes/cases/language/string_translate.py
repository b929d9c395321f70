# str.translate and str.maketrans replace and drop characters.
table = str.maketrans({"a": "4", "e": "3", "!": None})
print("leave at once!".translate(table), "abc".translate(str.maketrans("ab", "xy", "c")))
# expected
#> l34v3 4t onc3 xy
