# Patterns nest: lists of dicts, captures with `as`, alternatives, literals and stars.
def describe(event):
    match event:
        case {"user": {"name": str(name), "tags": [first, *_]}, **rest}:
            return f"{name} {first} {sorted(rest)}"
        case [("add" | "sub") as op, int(x), int(y)]:
            return f"{op} {x + y if op == 'add' else x - y}"
        case [[a, b], [c, d]]:
            return a * d - b * c
        case {"size": (int() | float()) as size} if size > 10:
            return f"big {size}"
        case {}:
            return "some dict"
        case (None | True | "x"), *others:
            return len(others)
        case other:
            return type(other).__name__


events = [{"user": {"name": "Ann", "tags": ["a", "b"]}, "z": 1}, ["sub", 5, 3], [[1, 2], [3, 4]], {"size": 11.5}, {"size": 1}, [None, 1, 2], ("x",), 5]
print([describe(event) for event in events])
# expected
#> ["Ann a ['z']", 'sub 2', -2, 'big 11.5', 'some dict', 2, 0, 'int']
