# A method that is not offered is not there.
# far: files

try:
    vfs.chmod("/a", 0)
except AttributeError as error:
    print("chmod" in str(error))
print(hasattr(vfs, "read"), hasattr(vfs, "chmod"))
# expected
#> True
#> True False
