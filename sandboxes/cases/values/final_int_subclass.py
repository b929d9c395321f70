# Values of derived types are given as what they are made of.
from collections import Counter, defaultdict

d = defaultdict(list)
d["a"].append(1)
FINAL([Counter("aab"), dict(d), d])
# expected
#. [{'a': 2, 'b': 1}, {'a': [1]}, {'a': [1]}]
