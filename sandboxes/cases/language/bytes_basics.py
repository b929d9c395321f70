# Bytes are indexed as numbers, sliced as bytes, and are decoded and encoded.
data = b"abc\xff"
print(data[0], data[1:3], data + b"!", data.decode("utf-8", "replace"), "é".encode(), b"ab".hex(), bytes.fromhex("6162"), list(b"ab"), len(data))
data.decode()
# expected
#> 97 b'bc' b'abc\xff!' abc� b'\xc3\xa9' 6162 b'ab' [97, 98] 4
#! UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte @3
