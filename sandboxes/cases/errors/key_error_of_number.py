# A missing key that is a number is given as a number.
try:
    {"a": 1}[5]
except KeyError as error:
    print(str(error), error.args)
# expected
#> 5 (5,)
