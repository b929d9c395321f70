# Objects do not cross, nor dicts with keys that are no texts.
# far: echo
class Box:
    pass


for value in (Box(), [Box()], {1: "key is no str"}):
    try:
        print(echo(value))
    except TypeError:
        print("refused")
# expected
#> refused
#> refused
#> refused
