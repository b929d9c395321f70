# random.seed starts anew.
import random

random.seed("text")
first = random.random()
random.seed("text")
print(first == random.random())
# expected
#> True
