# Reflected, in-place, unary and comparison operators of a class.
class Vector:
    def __init__(self, *parts):
        self.parts = parts

    def __mul__(self, k):
        return Vector(*(part * k for part in self.parts))

    __rmul__ = __mul__

    def __iadd__(self, other):
        self.parts = tuple(a + b for a, b in zip(self.parts, other.parts))
        return self

    def __neg__(self):
        return self * -1

    def __abs__(self):
        return sum(part**2 for part in self.parts) ** 0.5

    def __bool__(self):
        return any(self.parts)

    def __format__(self, spec):
        return " ".join(format(part, spec) for part in self.parts)

    def __repr__(self):
        return f"Vector{self.parts}"


v = Vector(3, 4)
v += Vector(0, 0)
print(2 * v, -v, abs(v), bool(Vector(0, 0)), f"{v:.1f}")
# expected
#> Vector(6, 8) Vector(-3, -4) 5.0 False 3.0 4.0
