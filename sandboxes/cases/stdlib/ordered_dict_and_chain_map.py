# OrderedDict moves keys to its ends; ChainMap looks through several dicts.
from collections import ChainMap, OrderedDict

od = OrderedDict(a=1, b=2)
od.move_to_end("a")
print(list(od), OrderedDict(a=1, b=2) == OrderedDict(b=2, a=1), ChainMap({"a": 1}, {"a": 2, "b": 3})["b"])
# expected
#> ['b', 'a'] False 3
