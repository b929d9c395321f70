# `match` takes apart sequences, mappings, types, alternatives and guards.
def kind(value):
    match value:
        case {"type": "add", "args": [int(a), int(b)]}:
            return f"add {a + b}"
        case {"type": name, **rest}:
            return f"{name} with {sorted(rest)}"
        case [first, *others] if others:
            return f"{first} and {len(others)} more"
        case "yes" | "no" as answer:
            return answer.upper()
        case int() | float():
            return "number"
        case None:
            return "nothing"
        case _:
            return "other"


for value in ({"type": "add", "args": [1, 2]}, {"type": "x", "b": 1, "a": 2}, [1, 2, 3], [1], "yes", 2.5, None):
    print(kind(value))
# expected
#> add 3
#> x with ['a', 'b']
#> 1 and 2 more
#> other
#> YES
#> number
#> nothing
