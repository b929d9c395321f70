# Far functions are called in loops, comprehensions, functions and nested calls, in order.
# far: remember remembered


def note(value):
    return remember(value)


numbers = [note(n * n) for n in range(3)] + [remember("x") if remember("y") else 0]
print(numbers, remembered())
# expected
#> [1, 2, 3, 5] [0, 1, 4, 'y', 'x']
