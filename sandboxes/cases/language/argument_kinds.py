# Positional-only, keyword-only, starred and double-starred parameters take what they should.
def call(a, /, b, *rest, c=3, **named):
    return a, b, rest, c, named


print(call(1, 2))
print(call(1, 2, 3, 4, c=5, d=6))
print(call(*[1, 2], **{"c": 9, "x": 0}))
# expected
#> (1, 2, (), 3, {})
#> (1, 2, (3, 4), 5, {'d': 6})
#> (1, 2, (), 9, {'x': 0})
