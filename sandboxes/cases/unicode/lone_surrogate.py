# A lone surrogate can be held, and is shown as an escape.
s = "a\ud800b"
print(len(s), s == "a\ud800b", ord(s[1]) == 0xD800)
print(s)
# expected
#> 3 True True
#> a\ud800b
