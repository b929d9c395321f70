# An error that is meant for the cell arrives with its kind and its message.
# far: refuse

for kind in ("ValueError", "KeyError", "RuntimeError", "TypeError", "LookupError", "TimeoutError", "PermissionError"):
    try:
        refuse(kind, f"about {kind}")
    except Exception as error:
        print(type(error).__name__, "about" in str(error))
# expected
#> ValueError True
#> KeyError True
#> RuntimeError True
#> TypeError True
#> LookupError True
#> TimeoutError True
#> PermissionError True
