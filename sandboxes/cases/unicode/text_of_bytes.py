# chr and ord go through all planes.
print(chr(0x10FFFF) == "\U0010ffff", ord("😀"), chr(128512), [chr(c) for c in (65, 0xE9, 0x6F22)])
chr(0x110000)
# expected
#> True 128512 😀 ['A', 'é', '漢']
#! ValueError: chr() arg not in range(0x110000) @2
