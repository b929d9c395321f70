# Widths in formats count code points.
print(f"|{'é😀':>4}|{'漢':*^3}|{'e' + chr(0x301):<3}|", "漢".ljust(3, "."), "%4s" % "é")
# expected
#> |  é😀|*漢*|é | 漢..    é
