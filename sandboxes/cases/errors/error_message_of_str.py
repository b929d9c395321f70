# An exception whose text is made by the cell.
class Odd(Exception):
    def __str__(self):
        return "made by the cell"


raise Odd("given")
# expected
#! Odd: made by the cell @6
