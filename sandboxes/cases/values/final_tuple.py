# A tuple is given as a list.
FINAL((1, ("a", None)))
# expected
#. [1, ['a', None]]
