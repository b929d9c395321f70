# After a loop its variable keeps the last value; a comprehension's does not leak.
i = "before"
squares = [i * i for i in range(4)]
print(i)
for i in range(3):
    pass
print(i, squares)
# expected
#> before
#> 2 [0, 1, 4, 9]
