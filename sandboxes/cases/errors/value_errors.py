# Texts that are no numbers are quoted in the error.
for action in (lambda: int("12a"), lambda: float("x"), lambda: int(""), lambda: [1].index(5), lambda: "abc".index("z"), lambda: chr(-1)):
    try:
        action()
    except ValueError as error:
        print(type(error).__name__, "12a" in str(error))
# expected
#> ValueError True
#> ValueError False
#> ValueError False
#> ValueError False
#> ValueError False
#> ValueError False
