# A class and an object's type know their name.
class Tool:
    pass


print(Tool.__name__, type(Tool()).__name__, Tool().__class__.__name__, type(3).__name__, type(None).__name__)
# expected
#> Tool Tool Tool int NoneType
