# Operators on types that do not fit name both.
for action in (lambda: "a" + 1, lambda: 1 + "a", lambda: [] + (), lambda: None > 1, lambda: -"a", lambda: len(5), lambda: 5()):
    try:
        action()
    except TypeError as error:
        print(error)
# expected
#> can only concatenate str (not "int") to str
#> unsupported operand type(s) for +: 'int' and 'str'
#> can only concatenate list (not "tuple") to list
#> '>' not supported between instances of 'NoneType' and 'int'
#> bad operand type for unary -: 'str'
#> object of type 'int' has no len()
#> 'int' object is not callable
