# A dataclass has a constructor, a repr, equality and fresh default values.
from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price: float = 1.5
    tags: list = field(default_factory=list)

    def total(self, count):
        return self.price * count


first, second = Item("pen"), Item("pen", price=1.5)
first.tags.append("new")
print(first, second, first == second, Item("a") == Item("a"), first.total(2))
# expected
#> Item(name='pen', price=1.5, tags=['new']) Item(name='pen', price=1.5, tags=[]) False True 3.0
