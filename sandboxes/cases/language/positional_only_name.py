# The name of a positional-only parameter is free for `**named`.
def call(a, /, **named):
    return a, named


print(call(1, a=7))
# expected
#> (1, {'a': 7})
