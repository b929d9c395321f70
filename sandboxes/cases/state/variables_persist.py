# Variables, functions, classes and imports persist from cell to cell.
import math

x = [1]


def double(n):
    return n * 2


class Box:
    def __init__(self, value):
        self.value = double(value)


# %%
x.append(double(2))
box = Box(5)
# %%
print(x, box.value, math.floor(2.5))
# expected
# %%
# %%
#> [1, 4] 10 2
