# Functions made in a loop share the loop's variable, unless a default argument keeps its value.
shared = [lambda: i for i in range(3)]
kept = [lambda i=i: i for i in range(3)]
print([f() for f in shared], [f() for f in kept])
# expected
#> [2, 2, 2] [0, 1, 2]
