# Sums of floats are the same everywhere.
import math

values = [0.1 * n for n in range(1, 20)]
print(values[2], math.fsum(values), math.sin(1), math.exp(1), 2**0.5, math.log(3), 10**-3)
# expected
#> 0.30000000000000004 19.0 0.8414709848078965 2.718281828459045 1.4142135623730951 1.0986122886681098 0.001
