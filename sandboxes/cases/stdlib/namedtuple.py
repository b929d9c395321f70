# namedtuple makes tuples with names.
from collections import namedtuple

Point = namedtuple("Point", ["x", "y"])
p = Point(1, y=2)
print(p, p.x, p[1], p._asdict(), p._replace(x=5), p == (1, 2), Point._fields, [a + b for a, b in [p]])
# expected
#> Point(x=1, y=2) 1 2 {'x': 1, 'y': 2} Point(x=5, y=2) True ('x', 'y') [3]
