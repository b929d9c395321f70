# A bare `raise` raises the same exception again.
try:
    try:
        int("twelve")
    except ValueError:
        print("logged")
        raise
except ValueError as error:
    print("twelve" in str(error))
# expected
#> logged
#> True
