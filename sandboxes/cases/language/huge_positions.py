# Positions and counts beyond any list are an IndexError or are clamped, and may have 40 bits.
items = [1, 2]
items.insert(10**12, 3)
print(items, len(range(10**12)), "abc".find("c", -(10**12)), "abc"[: 10**12], items[-(10**12) :])
try:
    items.pop(10**12)
except IndexError:
    print("IndexError")
# expected
#> [1, 2, 3] 1000000000000 2 abc [1, 2, 3]
#> IndexError
