# `match` looks at the attributes of objects.
class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


for point in (Point(0, 5), Point(3, 3), Point(1, 2), "no point"):
    match point:
        case Point(x=0, y=y):
            print("on the axis", y)
        case Point(x=x, y=y) if x == y:
            print("diagonal", x)
        case Point():
            print("somewhere")
        case _:
            print("no point")
# expected
#> on the axis 5
#> diagonal 3
#> somewhere
#> no point
