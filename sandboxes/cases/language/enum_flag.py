# Flags combine; enums have methods and are keys.
from enum import Enum, Flag, StrEnum, auto


class Right(Flag):
    READ = auto()
    WRITE = auto()


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"


class Planet(Enum):
    EARTH = (5.97e24, 6.37e6)

    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius

    def is_heavy(self):
        return self.mass > 1e24


both = Right.READ | Right.WRITE
print(Right.READ in both, Right.WRITE in Right.READ, Status.OPEN == "open", f"{Status.DONE}", Planet.EARTH.is_heavy(), {Status.OPEN: 1}["open"])
print(len(Status), list(Status)[0].name, Status("done") is Status.DONE)
# expected
#> True False True done True 1
#> 2 OPEN True
