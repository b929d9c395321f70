# A chain compares each pair, and evaluates the middle once.
def middle():
    print("middle")
    return 5


print(1 < middle() < 10, 1 < 3 > 2, 1 == 1.0 == True, "a" < "b" > "c")
# expected
#> middle
#> True True True False
