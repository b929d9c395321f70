# There is nobody to ask.
try:
    input()
except (EOFError, NameError, RuntimeError, OSError):
    print("none")
# expected
#> none
