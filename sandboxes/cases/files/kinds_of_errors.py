# What a file system refuses arrives as the exception that Python has for it.
# far: files

attempts = [
    (FileNotFoundError, lambda: vfs.read("/nothing")),
    (IsADirectoryError, lambda: vfs.read("/plans")),
    (PermissionError, lambda: vfs.write("/evidence/parent.txt", "x")),
    (NotADirectoryError, lambda: vfs.read("/evidence/parent.txt/x")),
    (ValueError, lambda: vfs.read("/../etc/passwd")),
    (OSError, lambda: vfs.write("/big", "x" * 50_001)),
]
for kind, attempt in attempts:
    try:
        attempt()
    except kind as error:
        print(type(error).__name__, isinstance(error, OSError), len(str(error)) > 20)
# expected
#> FileNotFoundError True True
#> IsADirectoryError True True
#> PermissionError True True
#> NotADirectoryError True True
#> ValueError False True
#> OSError True True
