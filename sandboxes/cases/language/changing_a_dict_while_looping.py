# Adding keys while looping over a dict is an error.
table = {1: "a", 2: "b"}
for key in table:
    table[key + 10] = "c"
# expected
#! RuntimeError: dictionary changed size during iteration @2
