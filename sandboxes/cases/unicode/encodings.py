# Texts are encoded as UTF-16, Latin-1 and ASCII, with error handlers.
print("é".encode("latin-1"), len("é😀".encode("utf-16-le")), b"caf\xe9".decode("latin-1"), "aé".encode("ascii", "replace"))
print("é".encode("ascii", "backslashreplace"))
"é".encode("ascii")
# expected
#> b'\xe9' 6 café b'a?'
#> b'\\xe9'
#! UnicodeEncodeError: 'ascii' codec can't encode character '\xe9' in position 0: ordinal not in range(128) @3
