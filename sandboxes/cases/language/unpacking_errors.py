# Unpacking the wrong number of values says how many were expected.
for values in ((1,), (1, 2, 3)):
    try:
        a, b = values
    except ValueError as error:
        print("expected 2" in str(error))
# expected
#> True
#> True
