# An error inside a function of the same cell names the line in the function.
def inner(n):
    return 10 // n


def outer():
    return inner(0)


outer()
# expected
#! ZeroDivisionError: by zero @2
