# Literals and text in other bases.
print(0xFF, 0b101, 0o17, 1_000_000, bin(10), hex(255), oct(8), int("ff", 16), int("0b11", 0), int("z", 36))
# expected
#> 255 5 15 1000000 0b1010 0xff 0o10 255 3 35
