# What crosses is a copy: changing the answer changes nothing else.
# far: echo

mine = [1, [2]]
other = echo(mine)
other[1].append(3)
print(mine, other)
# expected
#> [1, [2]] [1, [2, 3]]
