# A local that is used before it is bound is an error in that line, also where `+=` uses it.
total = 0


def add(n):
    n = n + 1
    total += n


add(1)
# expected
#! UnboundLocalError: cannot access local variable 'total' where it is not associated with a value @6
