# SHOW_VARS lists names, types and sizes of the cells' variables.
numbers, text, n, table = [1, 2], "abc", 5, {"k": 1}
print(SHOW_VARS())
# expected
#> n: int
#> numbers: list of 2
#> table: dict of 1
#> text: str of 3
