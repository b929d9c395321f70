# Output without a newline at its end is kept as it is.
print("a", end="")
print("b", end="")
# expected
#| ab
