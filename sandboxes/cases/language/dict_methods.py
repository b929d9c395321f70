# Dicts keep the order of insertion through updates and deletions.
d = {"b": 1, "a": 2}
d["c"] = 3
d["b"] = 10
d.update(z=0, a=5)
print(d, list(d), list(d.items()), d.get("q"), d.get("q", 1), d.pop("b"), d.pop("q", None), d.setdefault("n", []), d)
print({"a": 1} | {"b": 2}, dict.fromkeys("ab", 0), "a" in d, len(d), d.popitem(), {**d, "a": 6}, dict(sorted(d.items())))
# expected
#> {'a': 5, 'c': 3, 'z': 0, 'n': []} ['b', 'a', 'c', 'z'] [('b', 10), ('a', 5), ('c', 3), ('z', 0)] None 1 10 None [] {'a': 5, 'c': 3, 'z': 0, 'n': []}
#> {'a': 1, 'b': 2} {'a': 0, 'b': 0} True 4 ('n', []) {'a': 6, 'c': 3, 'z': 0} {'a': 5, 'c': 3, 'z': 0}
