# next() on an empty iterator is a StopIteration.
empty = iter([])
next(empty)
# expected
#! StopIteration @2
