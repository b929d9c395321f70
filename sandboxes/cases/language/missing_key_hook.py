# A dict with `__missing__` makes what is not there.
class Squares(dict):
    def __missing__(self, key):
        self[key] = key * key
        return self[key]


squares = Squares()
print(squares[4], squares[3], dict(squares), squares.get(9))
# expected
#> 16 9 {4: 16, 3: 9} None
