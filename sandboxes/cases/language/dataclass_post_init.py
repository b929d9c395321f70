# `__post_init__` completes a dataclass.
from dataclasses import dataclass


@dataclass
class Interval:
    start: int
    end: int

    def __post_init__(self):
        if self.end < self.start:
            self.start, self.end = self.end, self.start
        self.length = self.end - self.start


print(Interval(5, 2), Interval(1, 4).length)
# expected
#> Interval(start=2, end=5) 3
