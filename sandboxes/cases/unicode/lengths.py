# Lengths and indexes count code points.
s = "e\u0301😀漢"
print(len(s), s[2], [hex(ord(c)) for c in s], s[::-1] == "漢😀\u0301e", len("👨‍👩‍👧"), s.index("漢"))
# expected
#> 4 😀 ['0x65', '0x301', '0x1f600', '0x6f22'] True 5 3
