# Inner functions see the variables around them as they are when they are called.
def counter(step):
    total = 0

    def add():
        nonlocal total
        total += step
        return total

    return add


by_two, by_five = counter(2), counter(5)
by_two()
print(by_two(), by_five(), by_two())
# expected
#> 4 5 6
