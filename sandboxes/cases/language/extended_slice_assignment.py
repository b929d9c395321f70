# A slice with a step is assigned to item by item.
numbers = [0, 1, 2, 3, 4, 5]
numbers[::2] = "abc"
print(numbers)
try:
    numbers[::2] = [1]
except ValueError as error:
    print("ValueError")
# expected
#> ['a', 1, 'b', 3, 'c', 5]
#> ValueError
