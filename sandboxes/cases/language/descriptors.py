# A descriptor answers for an attribute of its owner.
class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, item, owner=None):
        return getattr(item, self.name, 0)

    def __set__(self, item, value):
        if value < 0:
            raise ValueError(f"{self.name[1:]} is negative")
        setattr(item, self.name, value)


class Order:
    amount = Positive()


order = Order()
order.amount = 5
print(order.amount)
order.amount = -1
# expected
#> 5
#! ValueError: amount is negative @10
