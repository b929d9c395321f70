# Seeded random numbers are those of CPython.
import random

random.seed(42)
print(random.random(), random.randint(1, 100), random.choice("abcdef"), random.sample(range(100), 3), random.uniform(0, 1))
numbers = list(range(6))
random.shuffle(numbers)
print(numbers, random.gauss(0, 1), random.choices([1, 2, 3], k=4), random.randrange(0, 100, 7), random.getrandbits(16))
# expected
#> 0.6394267984578837 4 f [35, 31, 28] 0.1395379285251439
#> [3, 1, 2, 5, 4, 0] 0.4347603342594289 [1, 2, 2, 3] 77 35713
