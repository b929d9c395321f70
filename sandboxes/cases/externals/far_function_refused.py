# A function does not cross.
# far: echo

try:
    print(echo(lambda: 1))
except TypeError:
    print("refused")
# expected
#> refused
