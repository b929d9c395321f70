# Class attributes are shared until an object gets its own.
class Config:
    names = []
    size = 1


a, b = Config(), Config()
a.names.append("x")
a.size = 5
print(b.names, b.size, Config.size, a.size)
# expected
#> ['x'] 1 1 5
