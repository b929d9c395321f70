# A set does not cross, and the error says what to do.
# far: echo

try:
    echo({1, 2})
except TypeError as error:
    print("set" in str(error), "sorted" in str(error) or "list" in str(error))
# expected
#> True True
