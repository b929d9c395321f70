# An object is shown by its own repr.
class Point:
    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"Point(x={self.x})"


[Point(1), Point(2)]
# expected
#= [Point(x=1), Point(x=2)]
