# Items of a class are set, deleted and sliced.
class Grid:
    def __init__(self):
        self.cells = {}

    def __setitem__(self, key, value):
        self.cells[key] = value

    def __getitem__(self, key):
        if isinstance(key, slice):
            return (key.start, key.stop, key.step)
        return self.cells.get(key, ".")

    def __delitem__(self, key):
        del self.cells[key]


grid = Grid()
grid[0, 1] = "x"
grid[0, 1] += "y"
print(grid[0, 1], grid[5, 5], grid[1:3], grid[::2])
del grid[0, 1]
print(grid[0, 1])
# expected
#> xy . (1, 3, None) (None, None, 2)
#> .
