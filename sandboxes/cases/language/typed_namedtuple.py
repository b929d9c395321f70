# typing.NamedTuple makes a tuple with names, defaults and methods.
from typing import NamedTuple


class Place(NamedTuple):
    name: str
    people: int = 0

    def label(self):
        return f"{self.name} ({self.people})"


bern = Place("Bern", 140)
print(bern.label(), bern[0], bern._replace(people=1), Place("x").people, bern == ("Bern", 140))
# expected
#> Bern (140) Bern Place(name='Bern', people=1) 0 True
