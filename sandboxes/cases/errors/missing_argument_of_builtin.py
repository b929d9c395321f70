# Built-in functions refuse what does not fit.
for action in (lambda: max([]), lambda: int([]), lambda: sorted(5), lambda: range("a"), lambda: ord("ab"), lambda: dict([1])):
    try:
        action()
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
# expected
#> ValueError
#> TypeError
#> TypeError
#> TypeError
#> TypeError
#> TypeError
