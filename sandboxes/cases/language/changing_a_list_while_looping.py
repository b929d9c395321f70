# A loop over a list looks at it by position, so taking items away skips some.
numbers = [1, 2, 3, 4]
for number in numbers:
    if number < 3:
        numbers.remove(number)
print(numbers)
# expected
#> [2, 3, 4]
