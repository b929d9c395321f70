# Only exceptions can be raised.
try:
    raise "text"
except TypeError as error:
    print("exceptions must derive" in str(error))
# expected
#> True
