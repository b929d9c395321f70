# FINAL works inside of functions and branches, and code after it runs.
def answer(n):
    if n > 1:
        FINAL(n)
    print("after")


answer(5)
# expected
#> after
#. 5
