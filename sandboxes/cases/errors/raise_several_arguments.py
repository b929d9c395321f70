# An exception with several arguments shows them as a tuple.
try:
    raise ValueError("a", 2)
except ValueError as error:
    print(error, error.args)
# expected
#> ('a', 2) ('a', 2)
