# Calls that do not fit a function's parameters name the function and what is wrong.
def area(width, height):
    return width * height


for arguments in ([1], [1, 2, 3]):
    try:
        area(*arguments)
    except TypeError as error:
        print("area()" in str(error), "positional argument" in str(error))
try:
    area(1, depth=2)
except TypeError as error:
    print("depth" in str(error) or "height" in str(error))
# expected
#> True True
#> True True
#> True
