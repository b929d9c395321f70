# Fractions are reduced and compute exactly.
from fractions import Fraction

print(Fraction(1, 3) + Fraction(1, 6), Fraction("0.75"), Fraction(6, -8), float(Fraction(1, 4)), Fraction(7, 2) // 1)
# expected
#> 1/2 3/4 -3/4 0.25 3
