# An exception remembers the one that it was raised from, or while handling.
try:
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("no such setting") from error
except RuntimeError as error:
    print(repr(error.__cause__))
try:
    try:
        1 / 0
    except ZeroDivisionError:
        raise ValueError("while handling")
except ValueError as error:
    print(type(error.__context__).__name__, error.__cause__)
# expected
#> KeyError('key')
#> ZeroDivisionError None
