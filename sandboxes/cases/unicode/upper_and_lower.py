# Case mappings change lengths and know special letters.
print("straße".upper(), "ﬁ".upper(), len("İ".lower()), "ΑΣ".lower(), "ǆ".title(), "Ǆ".capitalize() == "ǅ", "ŉ".upper() == "ʼN")
# expected
#> STRASSE FI 2 ας ǅ True True
