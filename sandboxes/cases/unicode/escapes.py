# Escapes in literals: code points, names, octal and raw strings.
print("\u00e9\U0001f600\x41\101\t|", r"\n\u00e9", b"\x41\n", "a\
b", "\N{BULLET}", len("\0"))
# expected
#> é😀AA	| \n\u00e9 b'A\n' ab • 1
