# Objects and functions do not cross.
# far: echo
class Box:
    pass


for value in (Box(), lambda: 1, [Box()], {1: "key is no str"}):
    try:
        print(echo(value))
    except TypeError:
        print("refused")
# expected
#> refused
#> refused
#> refused
#> refused
