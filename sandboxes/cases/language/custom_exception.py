# An exception class of the cell's own carries data and is caught by its parent's name.
class OutOfRange(ValueError):
    def __init__(self, value, limit):
        super().__init__(f"{value} is more than {limit}")
        self.value = value


try:
    raise OutOfRange(7, 5)
except ValueError as error:
    print(type(error).__name__, error, error.value, isinstance(error, OutOfRange))
# expected
#> OutOfRange 7 is more than 5 7 True
