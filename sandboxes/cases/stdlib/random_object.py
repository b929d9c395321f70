# A Random of one's own does not disturb the shared one.
import random

random.seed(1)
own = random.Random(7)
first = random.random()
own.random()
random.seed(1)
print(first == random.random(), own.randint(1, 6))
# expected
#> True 2
