# A class can be indexed, searched, looped over and called.
class Deck:
    def __init__(self, cards):
        self.cards = cards

    def __getitem__(self, at):
        return self.cards[at]

    def __contains__(self, card):
        return card in self.cards

    def __iter__(self):
        return iter(self.cards)

    def __call__(self, times):
        return self.cards * times


deck = Deck(["x", "y"])
print(deck[0], "y" in deck, list(deck), deck(2))
# expected
#> x True ['x', 'y'] ['x', 'y', 'x', 'y']
