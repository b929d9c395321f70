# A pattern that is no str is a TypeError that says so.
# context: "abc"

try:
    ctx.find(5)
except TypeError as error:
    print("pattern" in str(error), "str" in str(error), "int" in str(error))
# expected
#> True True True
