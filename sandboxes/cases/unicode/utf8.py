# UTF-8 is written and read, and bytes that are none are replaced or left out.
print("é😀".encode(), "é😀".encode("utf-8").decode("utf-8"), len("漢".encode()))
print(b"a\xffb".decode("utf-8", "replace"), b"a\xffb".decode("utf-8", "ignore"), b"a\xffb".decode(errors="replace"))
# expected
#> b'\xc3\xa9\xf0\x9f\x98\x80' é😀 3
#> a�b ab a�b
