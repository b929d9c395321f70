# Functions of math on ints and floats.
import math

print(math.sqrt(2), math.floor(-1.5), math.ceil(1.2), math.isqrt(17), math.gcd(12, 18), math.lcm(4, 6), math.comb(5, 2), math.perm(5, 2))
print(math.prod([1, 2, 3, 4]), math.log(math.e), math.log10(1000), math.log2(8), math.log(8, 2), math.hypot(3, 4), math.isclose(0.1 + 0.2, 0.3))
print(math.fsum([0.1] * 10), math.inf > 10**300, math.isnan(math.nan), math.trunc(-2.7), math.degrees(math.pi), math.pow(2, 0.5) == 2**0.5)
# expected
#> 1.4142135623730951 -2 2 4 6 12 10 20
#> 24 1.0 3.0 3.0 3.0 5.0 True
#> 1.0 True True -2 180.0 True
