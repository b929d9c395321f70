# Texts are compared by code point.
print(sorted(["é", "z", "Z", "a", "😀", "\uffff"]), "Z" < "a", max("aé"), "a" < "aa")
# expected
#> ['Z', 'a', 'z', 'é', '\uffff', '😀'] True é True
