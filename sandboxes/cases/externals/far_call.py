# A far function takes positional and named arguments, and its answer is an ordinary value.
# far: describe echo

print(describe(1, "a", [1.5], key=None))
value = echo({"a": [1, {"b": None}]})
value["a"].append("more")
print(value)
# expected
#> (1, 'a', [1.5]) {'key': None}
#> {'a': [1, {'b': None}, 'more']}
