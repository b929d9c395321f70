# Normal forms, names and categories of characters.
import unicodedata

print(unicodedata.normalize("NFC", "e\u0301") == "é", len(unicodedata.normalize("NFD", "é")), unicodedata.name("é"), unicodedata.category("A"))
# expected
#> True 2 LATIN SMALL LETTER E WITH ACUTE Lu
