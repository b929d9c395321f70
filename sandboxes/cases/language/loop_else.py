# A loop's `else` runs unless it was left by `break`.
for wanted in (3, 9):
    for number in range(5):
        if number == wanted:
            break
    else:
        print("no", wanted)
n = 0
while n < 2:
    n += 1
else:
    print("ended", n)
# expected
#> no 9
#> ended 2
