# `global` lets a function rebind a variable of the cells.
total = 0


def add(n):
    global total
    total += n
    return total


add(2)
add(5)
print(total)
# expected
#> 7
