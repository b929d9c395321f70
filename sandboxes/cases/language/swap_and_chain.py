# Several targets are assigned from left to right, after the right side is complete.
a, b = 1, 2
a, b = b, a
c = d = [0]
c.append(a)
i = 0
numbers = [0, 0, 0]
i, numbers[i] = 2, "set"
print(a, b, c, d, i, numbers)
# expected
#> 2 1 [0, 2] [0, 2] 2 [0, 0, 'set']
