# An answer that is no plain data is a RuntimeError in the cell.
# far: odd

odd()
# expected
#! RuntimeError: the answer cannot cross @1
