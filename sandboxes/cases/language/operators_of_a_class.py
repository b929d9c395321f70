# A class defines what its operators mean.
class Money:
    def __init__(self, cents):
        self.cents = cents

    def __add__(self, other):
        return Money(self.cents + other.cents)

    def __eq__(self, other):
        return self.cents == other.cents

    def __repr__(self):
        return f"{self.cents / 100:.2f}"


print(Money(150) + Money(75), Money(5) == Money(5), Money(5) != Money(6))
# expected
#> 2.25 True True
