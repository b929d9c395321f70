# A return in `finally` wins over the try's.
def which():
    try:
        return "try"
    finally:
        print("cleaning up")


def value():
    n = 1
    try:
        return n
    finally:
        n = 2


print(which(), value())
# expected
#> cleaning up
#> try 1
