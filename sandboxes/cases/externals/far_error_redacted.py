# What a far function raises by accident reaches the cell without its text.
# far: break_down

try:
    break_down()
except RuntimeError as error:
    print("sk-" in str(error), "/srv" in str(error), "break_down" in str(error))
# expected
#> False False True
