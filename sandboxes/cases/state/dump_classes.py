# A dump keeps classes and their objects.
class Point:
    dimensions = 2

    def __init__(self, x, y):
        self.x, self.y = x, y

    def flipped(self):
        return Point(self.y, self.x)


points = [Point(1, 2)]
same = points[0]
# %% dump
# %%
same.x = 9
print(points[0].flipped().y, isinstance(same, Point), Point.dimensions)
# expected
# %%
# %%
#> 9 True 2
