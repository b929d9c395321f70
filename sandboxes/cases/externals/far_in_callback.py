# Far functions are called inside key functions and map.
# far: echo

print(sorted([3, 1, 2], key=lambda n: echo(-n)), list(map(echo, [1, 2])), max([1, 5, 3], key=echo))
# expected
#> [3, 2, 1] [1, 2] 5
