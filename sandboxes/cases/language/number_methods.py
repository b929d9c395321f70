# Numbers have methods: bit_length, to_bytes, is_integer, as_integer_ratio, hex.
print((255).bit_length(), (1024).to_bytes(2, "big"), int.from_bytes(b"\x01\x00", "big"), (2.0).is_integer(), (0.75).as_integer_ratio())
# expected
#> 8 b'\x04\x00' 256 True (3, 4)
