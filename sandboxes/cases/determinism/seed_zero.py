# The usual seed.
import random

print([random.randint(0, 9) for _ in range(10)], random.sample(range(50), 5))
# expected
#> [6, 6, 0, 4, 8, 7, 6, 4, 7, 5] [37, 13, 32, 8, 18]
