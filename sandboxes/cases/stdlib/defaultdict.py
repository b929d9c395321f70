# defaultdict makes what is missing, and looks like a dict otherwise.
from collections import defaultdict

groups = defaultdict(list)
for word in ["ant", "bee", "ape"]:
    groups[word[0]].append(word)
nested = defaultdict(lambda: defaultdict(int))
nested["a"]["b"] += 1
print(dict(groups), nested["a"]["b"], "x" in groups, groups.get("x"), len(groups), sorted(groups))
# expected
#> {'a': ['ant', 'ape'], 'b': ['bee']} 1 False None 2 ['a', 'b']
