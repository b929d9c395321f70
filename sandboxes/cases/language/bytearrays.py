# A bytearray is bytes that can be changed.
buffer = bytearray(b"abc")
buffer[0] = 65
buffer += b"d"
print(buffer, bytes(buffer), len(buffer))
# expected
#> bytearray(b'Abcd') b'Abcd' 4
