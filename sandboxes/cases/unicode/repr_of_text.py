# repr escapes what does not print, and keeps the rest.
print(repr("é😀\u200b\x7f\xa0\t\"'"), repr("\u0301"), repr("'"), f"{'a' + chr(39)!r}")
# expected
#> 'é😀\u200b\x7f\xa0\t"\'' '́' "'" "a'"
