# Objects with equal hashes that are equal are one key.
class Tag:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name.lower() == other.name.lower()

    def __hash__(self):
        return hash(self.name.lower())


print(len({Tag("a"): 1, Tag("A"): 2, Tag("b"): 3}))
# expected
#> 2
