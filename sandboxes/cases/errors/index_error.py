# An index past the end.
for sequence in ([1], (1,), "a"):
    try:
        sequence[3]
    except IndexError as error:
        print(error)
# expected
#> list index out of range
#> tuple index out of range
#> string index out of range
