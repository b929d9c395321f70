# re, json, math, collections, itertools, datetime and random are there without an import.
print(re.findall("a", "banana"), json.dumps([1]), math.floor(2.5), collections.Counter("aab")["a"])
print(list(itertools.chain([1], [2])), datetime.date(2024, 2, 29), random.Random(1).random() < 1)
# expected
#> ['a', 'a', 'a'] [1] 2 2
#> [1, 2] 2024-02-29 True
