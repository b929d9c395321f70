# re, json, math, collections, itertools, functools, datetime, time and random are there without an import.
print(re.findall("a", "banana"), json.dumps([1]), math.floor(2.5), collections.Counter("aab")["a"])
print(list(itertools.chain([1], [2])), datetime.date(2024, 2, 29), random.Random(1).random() < 1)
print(functools.reduce(lambda a, b: a * b, [2, 3, 4]), time.time())
# %%
re = "a name like any other"
import re
print(re.escape("."))
# expected
#> ['a', 'a', 'a'] [1] 2 2
#> [1, 2] 2024-02-29 True
#> 24 1700000000.0
# %%
#> \.
