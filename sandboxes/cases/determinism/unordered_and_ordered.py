# What has an order is in that order: a sorted set, a dict, texts that are taken once each.
print(sorted({3, 1, 2}), sorted({"b", "a"}), list(dict.fromkeys("banana")), {"z": 1, "a": 2})
# expected
#> [1, 2, 3] ['a', 'b'] ['b', 'a', 'n'] {'z': 1, 'a': 2}
