# Objects with `__lt__` can be sorted.
class Version:
    def __init__(self, text):
        self.parts = [int(part) for part in text.split(".")]

    def __lt__(self, other):
        return self.parts < other.parts

    def __repr__(self):
        return ".".join(map(str, self.parts))


print(sorted([Version("1.10"), Version("1.9"), Version("0.99")]))
# expected
#> [0.99, 1.9, 1.10]
