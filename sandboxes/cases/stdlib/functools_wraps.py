# wraps keeps a function's name; cmp_to_key sorts by a comparison; total_ordering completes one.
import functools


def traced(function):
    @functools.wraps(function)
    def run(*args):
        return function(*args)

    return run


@traced
def compute(n):
    return n + 1


print(compute.__name__, compute(1), sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a)))
# expected
#> compute 2 [3, 2, 1]
