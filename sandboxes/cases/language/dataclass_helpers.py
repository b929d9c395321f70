# asdict, astuple, replace and fields work on dataclasses; a frozen one is hashable and cannot be changed.
from dataclasses import FrozenInstanceError, asdict, astuple, dataclass, fields, replace


@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int = 0


point = Point(1, 2)
print(asdict(point), astuple(point), replace(point, y=5), [field.name for field in fields(Point)], Point(1, 2) < Point(1, 3))
try:
    point.x = 3
except FrozenInstanceError:
    print("frozen", len({point, Point(1, 2)}))
# expected
#> {'x': 1, 'y': 2} (1, 2) Point(x=1, y=5) ['x', 'y'] True
#> frozen 1
