# Enum members have a name and a value, compare by identity, and are found by either.
from enum import Enum, IntEnum, auto


class Color(Enum):
    RED = "r"
    GREEN = "g"


class Level(IntEnum):
    LOW = auto()
    HIGH = auto()


print(Color.RED, Color("g").name, Color["RED"].value, [color.value for color in Color], Level.HIGH > Level.LOW, Level.HIGH + 1)
# expected
#> Color.RED GREEN r ['r', 'g'] True 3
