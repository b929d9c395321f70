# A function that assigns a name cannot read the global of that name before.
limit = 5


def f():
    print(limit)
    limit = 6


f()
# expected
#! UnboundLocalError: cannot access local variable 'limit' where it is not associated with a value @5
