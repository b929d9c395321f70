# An answer that was given before an error is kept in the result.
FINAL("given")
1 / 0
# expected
#! ZeroDivisionError: division by zero @2
#. 'given'
