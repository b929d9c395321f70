# `len` and truth ask an object's `__len__`.
class Deck:
    def __init__(self, cards):
        self.cards = cards

    def __len__(self):
        return len(self.cards)


print(len(Deck("abc")), bool(Deck("")), bool(Deck("a")))
# expected
#> 3 False True
