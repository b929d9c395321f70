# A generator that is closed runs its `finally`.
def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("closed")


stream = numbers()
print(next(stream))
stream.close()
for n in numbers():
    print(n)
print([*numbers()], sum(numbers()))
# expected
#> 1
#> closed
#> 1
#> 2
#> closed
#> closed
#> closed
#> [1, 2] 3
