# An error of a far function that nobody catches ends the cell at the line of the call.
# far: refuse

print("before")
refuse("ValueError", "no such thing")
print("after")
# expected
#> before
#! ValueError: no such thing @2
