# Counter counts, knows zero for what is missing, and orders equal counts by first sight.
from collections import Counter

c = Counter("mississippi")
c["z"] += 2
c.update(["m", "m"])
print(c.most_common(3), c["none"], sum(c.values()), sorted(c.elements())[:3], Counter(a=3) - Counter(a=1, b=2), Counter("ab") + Counter("b"))
print(c)
# expected
#> [('i', 4), ('s', 4), ('m', 3)] 0 15 ['i', 'i', 'i'] Counter({'a': 2}) Counter({'b': 2, 'a': 1})
#> Counter({'i': 4, 's': 4, 'm': 3, 'p': 2, 'z': 2})
