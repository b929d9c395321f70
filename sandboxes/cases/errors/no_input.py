# There is nobody to ask.
try:
    input()
except Exception:
    print("none")
# expected
#> none
