# A file is written, read, added to, listed and removed.
# far: files

vfs.write("/plans/a.txt", "one\n")
vfs.append("/plans/a.txt", data="two\n")
vfs.write("raw/b.bin", b"\x00\xff")
print(vfs.read("/plans/a.txt"), vfs.read("/raw/b.bin", binary=True))
print(vfs.list(), vfs.exists("/raw"), vfs.exists("/nothing"))
vfs.delete("/raw/b.bin")
print(vfs.list("/"), vfs.list("/plans"))
# expected
#> one
#> two
#>  b'\x00\xff'
#> ['/evidence/parent.txt', '/plans/a.txt', '/raw/b.bin'] True False
#> ['/evidence/parent.txt', '/plans/a.txt'] ['/plans/a.txt']
