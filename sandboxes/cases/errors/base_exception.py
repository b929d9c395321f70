# A BaseException passes `except Exception` and ends the cell.
try:
    raise BaseException("low")
except Exception:
    print("not here")
# expected
#! BaseException: low
