# The result names the variables that a cell bound.
b, a = 1, 2
for i in range(2):
    pass
# %%
a += 1


def f(local):
    other = local
    return other


class C:
    pass


f(1)
# %%
print(a)
# expected
#~ changed: a, b, i
# %%
#= 1
#~ changed: C, a, f
# %%
#> 3
#~ changed:
