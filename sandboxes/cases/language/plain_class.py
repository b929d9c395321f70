# A class has attributes of its own and of its objects, and methods that change them.
class Account:
    opened = 0

    def __init__(self, owner, balance=0):
        self.owner, self.balance = owner, balance
        Account.opened += 1

    def pay_in(self, amount):
        self.balance += amount
        return self

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"


ann, bob = Account("Ann"), Account("Bob", 5)
print(ann.pay_in(3).pay_in(4), [bob], Account.opened, ann.opened)
# expected
#> Account('Ann', 7) [Account('Bob', 5)] 2 2
