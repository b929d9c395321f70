# A generator expression computes nothing before it is asked.
def noisy(value):
    print("computing", value)
    return value


lazy = (noisy(n) for n in range(3))
print("made")
print(next(lazy))
# expected
#> made
#> computing 0
#> 0
