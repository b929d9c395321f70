# Sorting values that cannot be compared names both types.
sorted([1, "a", 2])
# expected
#! TypeError: '<' not supported between instances of 'str' and 'int' @1
