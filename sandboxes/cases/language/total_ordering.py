# total_ordering completes the comparisons of a class.
from functools import total_ordering


@total_ordering
class Grade:
    def __init__(self, points):
        self.points = points

    def __eq__(self, other):
        return self.points == other.points

    def __lt__(self, other):
        return self.points < other.points


print(Grade(1) <= Grade(2), Grade(3) > Grade(2), Grade(2) >= Grade(2), max(Grade(1), Grade(5)).points)
# expected
#> True True True 5
