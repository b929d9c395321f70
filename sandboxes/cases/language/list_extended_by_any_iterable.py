# `+=` adds the items of anything that can be looped over to a list; `+` takes lists only.
items = [1]
items += (2, 3)
items += "ab"
items += {4: "key"}
items += range(2)
print(items)
items + (5,)
# expected
#> [1, 2, 3, 'a', 'b', 4, 0, 1]
#! TypeError: can only concatenate list (not "tuple") to list @7
