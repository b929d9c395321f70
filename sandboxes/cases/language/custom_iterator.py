# An object with `__next__` is an iterator.
class Halving:
    def __init__(self, start):
        self.value = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.value < 1:
            raise StopIteration
        self.value //= 2
        return self.value


print(list(Halving(10)))
# expected
#> [5, 2, 1, 0]
