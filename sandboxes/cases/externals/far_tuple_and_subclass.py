# A tuple crosses as a list.
# far: echo

print(echo((1, (2, 3))), echo([("a", 1)]), echo({"t": ()}))
# expected
#> [1, [2, 3]] [['a', 1]] {'t': []}
