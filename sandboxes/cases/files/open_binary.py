# `open` writes and reads bytes.
# far: files

with open("/artifacts/a.bin", "wb") as f:
    f.write(b"\x00\xff\r\n")
with open("/artifacts/a.bin", "ab") as f:
    f.write(b"x")
with open("/artifacts/a.bin", "rb") as f:
    print(f.read(2), f.read(), f.read())
print(vfs.read("/artifacts/a.bin", binary=True))
# expected
#> b'\x00\xff' b'\r\nx' b''
#> b'\x00\xff\r\nx'
