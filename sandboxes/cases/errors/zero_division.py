# Division and remainder by zero.
for action in (lambda: 1 / 0, lambda: 1 // 0, lambda: 1 % 0, lambda: 1.0 / 0, lambda: divmod(1, 0)):
    try:
        action()
    except ZeroDivisionError as error:
        print("zero" in str(error))
# expected
#> True
#> True
#> True
#> True
#> True
