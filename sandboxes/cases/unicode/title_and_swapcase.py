# title and capitalize look at letters only.
print("they're bill's élan".title(), "éCOLE".capitalize(), "Été".swapcase(), "ß".isupper(), "Ⅷ".isupper())
# expected
#> They'Re Bill'S Élan École éTÉ False True
