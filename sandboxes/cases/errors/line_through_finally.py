# An error keeps its line when it passes `finally` and clauses that do not fit.
def work(n):
    try:
        return 10 // n
    except KeyError:
        print("not this one")
    finally:
        print("cleaned up")


work(0)
# expected
#> cleaned up
#! ZeroDivisionError: by zero @3
