# The name of a caught exception is gone after its clause.
error = "before"
try:
    raise ValueError("x")
except ValueError as error:
    pass
try:
    error
except NameError:
    print("unbound")
# expected
#> unbound
