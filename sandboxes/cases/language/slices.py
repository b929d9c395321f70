# Slices clamp, step backwards, and are assigned to with any number of items.
letters = "abcdef"
print(letters[-2:], letters[::-1], letters[4:1:-2], letters[10:], letters[-100:2])
numbers = [0, 1, 2, 3, 4, 5]
numbers[1:3] = ["x", "y", "z"]
numbers[:1] = []
numbers[-2:] = [9]
print(numbers, [1, 2, 3][5:], (1, 2, 3)[:-1])
# expected
#> ef fedcba ec  ab
#> ['x', 'y', 'z', 3, 9] [] (1, 2)
