# FINAL_VAR gives the value at the cell's end.
x = 1
FINAL_VAR("x")
x = 2
# expected
#. 2
