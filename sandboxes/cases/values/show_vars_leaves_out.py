# SHOW_VARS leaves out what was there before the first cell.
# context: "text"
# far: echo

x = 1
print(SHOW_VARS())
# expected
#> x: int
