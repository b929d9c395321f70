# The last FINAL of a cell counts.
FINAL("first")
FINAL("second")
# expected
#. 'second'
