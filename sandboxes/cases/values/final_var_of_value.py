# FINAL_VAR of a value that is no name gives the value.
FINAL_VAR([1, 2])
# expected
#. [1, 2]
