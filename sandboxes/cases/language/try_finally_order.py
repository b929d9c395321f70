# `finally` runs on every way out: return, break, continue and exceptions.
def run(way):
    for i in range(2):
        try:
            if way == "return":
                return "returned"
            if way == "continue":
                continue
            if way == "break":
                break
            if way == "raise":
                raise KeyError(way)
        except KeyError:
            print("caught", end=" ")
        else:
            print("else", end=" ")
        finally:
            print("finally", i, end=" ")
    return "end"


for way in ("return", "continue", "break", "raise", "none"):
    print(run(way))
# expected
#> finally 0 returned
#> finally 0 finally 1 end
#> finally 0 end
#> caught finally 0 caught finally 1 end
#> else finally 0 else finally 1 end
