# Output keeps its place between calls.
# far: echo

print("a", end="")
print(echo("b"), end="")
print("c")
# expected
#> abc
