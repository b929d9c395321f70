# `+=` changes a list in place but makes a new str, and evaluates its target once.
items = also = [1]
items += [2, 3]
word = other = "a"
word += "b"


def place():
    print("asked once")
    return 0


items[place()] += 10
table = {"n": {"m": 1}}
table["n"]["m"] *= 7
print(items, also, word, other, table)
# expected
#> asked once
#> [11, 2, 3] [11, 2, 3] ab a {'n': {'m': 7}}
