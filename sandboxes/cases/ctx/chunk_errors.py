# A size below 1, and an overlap that is not smaller than the size, are ValueErrors.
# context: "abc"

for size, overlap in ((0, 0), (3, 3), (2, 5), (3, -1)):
    try:
        ctx.chunk(size, overlap)
    except ValueError as error:
        print("ctx.chunk" in str(error))
# expected
#> True
#> True
#> True
#> True
