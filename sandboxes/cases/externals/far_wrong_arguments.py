# Arguments that a far function does not take are an error in the cell.
# far: echo

try:
    echo()
except (TypeError, RuntimeError):
    print("refused")
# expected
#> refused
