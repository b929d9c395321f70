# Ints have as many digits as they need, up to 4,300 as text.
import math

digits = str(math.factorial(100))
print(len(digits), digits[:10], sum(int(d) for d in digits))
print(int("9" * 50) + 1 == 10**50, 2**200 > 2.0**100)
str(10**5000)
# expected
#> 158 9332621544 648
#> True True
#! ValueError: Exceeds the limit (4300 digits) for integer string conversion @6
