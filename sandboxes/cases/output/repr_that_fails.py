# An object whose repr fails is an error of the cell.
class Bad:
    def __repr__(self):
        raise ValueError("no text")


Bad()
# expected
#! ValueError: no text @3
