# Modules are imported by name, under another name, and by parts.
import json as j
from collections import Counter as C, deque
from math import pi

print(j.dumps([1]), C("aab")["a"], len(deque([1, 2])), round(pi, 2))
# expected
#> [1] 2 2 3.14
