# Views follow their dict, and keys behave like a set.
d = {"a": 1, "b": 2}
keys = d.keys()
d["c"] = 3
print(list(keys), list(d.values()), sorted(d.keys() & {"a", "c", "x"}), ("a", 1) in d.items(), list(reversed(d)))
# expected
#> ['a', 'b', 'c'] [1, 2, 3] ['a', 'c'] True ['c', 'b', 'a']
