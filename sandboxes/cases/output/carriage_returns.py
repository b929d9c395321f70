# Control characters pass as they are.
print("a\rb\x1b[31mred\x07".encode())
# expected
#> b'a\rb\x1b[31mred\x07'
