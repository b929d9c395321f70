# A missing key is named in the error as it is written.
table = {"a": 1}
try:
    table["b c"]
except KeyError as error:
    print(str(error), repr(error), error.args)
# expected
#> 'b c' KeyError('b c') ('b c',)
