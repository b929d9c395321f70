# Values outside of a function's domain are a ValueError, too large ones an OverflowError.
import math

for action in (lambda: math.sqrt(-1), lambda: math.log(0), lambda: math.factorial(-1), lambda: math.exp(1000)):
    try:
        action()
    except (ValueError, OverflowError) as error:
        print(type(error).__name__)
# expected
#> ValueError
#> ValueError
#> ValueError
#> OverflowError
