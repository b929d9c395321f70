# Properties compute, check what is set, and class and static methods need no object.
class Circle:
    def __init__(self, radius):
        self.radius = radius

    @property
    def diameter(self):
        return self.radius * 2

    @diameter.setter
    def diameter(self, value):
        self.radius = value / 2

    @classmethod
    def unit(cls):
        return cls(1)

    @staticmethod
    def sides():
        return 0


circle = Circle.unit()
circle.diameter = 10
print(circle.radius, circle.diameter, Circle.sides())
# expected
#> 5.0 10.0 0
