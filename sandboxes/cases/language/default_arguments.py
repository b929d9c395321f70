# A default value is made once, when the function is defined.
size = 2


def collect(item, into=[], times=size):
    into.append(item)
    return into * times


size = 50
print(collect("a", times=1), collect("b"))
# expected
#> ['a'] ['a', 'b', 'a', 'b']
