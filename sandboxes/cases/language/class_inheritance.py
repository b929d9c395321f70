# Subclasses call their parent by super(), override methods, and are instances of both.
class Shape:
    def __init__(self, name):
        self.name = name

    def area(self):
        return 0

    def describe(self):
        return f"{self.name}: {self.area()}"


class Square(Shape):
    def __init__(self, side):
        super().__init__("square")
        self.side = side

    def area(self):
        return self.side**2


square = Square(3)
print(square.describe(), isinstance(square, Shape), issubclass(Square, Shape), isinstance(Shape("x"), Square))
# expected
#> square: 9 True True False
