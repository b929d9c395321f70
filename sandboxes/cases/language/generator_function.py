# A function with `yield` gives its values one at a time, as they are asked for.
def count_down(start):
    print("started")
    while start:
        yield start
        start -= 1


numbers = count_down(3)
print("made")
print(next(numbers), next(numbers))
print(list(numbers), list(numbers))
# expected
#> made
#> started
#> 3 2
#> [1] []
