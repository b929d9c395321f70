# `except*` takes the parts of a group that fit.
try:
    raise ExceptionGroup("several", [ValueError("a"), KeyError("b"), ValueError("c")])
except* ValueError as group:
    print(len(group.exceptions))
except* KeyError as group:
    print("keys")
# expected
#> 2
#> keys
