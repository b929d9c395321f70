# The first clause that fits takes an exception; a tuple names several.
def caught(action):
    try:
        return action()
    except (KeyError, IndexError) as error:
        return f"lookup {type(error).__name__}"
    except ArithmeticError as error:
        return f"arithmetic {type(error).__name__}"
    except Exception as error:
        return f"other {type(error).__name__}"


print(caught(lambda: {}["a"]), caught(lambda: [][1]), caught(lambda: 1 / 0), caught(lambda: int("x")), caught(lambda: 5))
# expected
#> lookup KeyError lookup IndexError arithmetic ZeroDivisionError other ValueError 5
