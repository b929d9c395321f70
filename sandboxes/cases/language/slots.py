# A class with `__slots__` has these attributes only.
class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


point = Point(1, 2)
point.x += 5
print(point.x, point.y)
try:
    point.z = 3
except AttributeError:
    print("no z")
# expected
#> 6 2
#> no z
