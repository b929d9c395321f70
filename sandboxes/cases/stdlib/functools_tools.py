# reduce and partial.
import functools

print(functools.reduce(lambda a, b: a * 10 + b, [1, 2, 3]), functools.reduce(max, [3, 9, 2], 5))
double = functools.partial(pow, 2)
print(double(10))
# expected
#> 123 9
#> 1024
