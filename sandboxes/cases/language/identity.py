# `is` compares identity; equal lists are two, and an alias is one.
a = [1]
b = [1]
c = a
print(a == b, a is b, a is c, None is None, a is not b)
# expected
#> True False True True True
