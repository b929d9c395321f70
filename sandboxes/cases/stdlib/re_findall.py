# findall gives texts, or tuples where there are several groups.
import re

print(re.findall(r"\d+", "a1b22c333"), re.findall(r"(\w)(\d)", "a1b2"), re.findall(r"(a)|(b)", "ab"))
print([(m.start(), m.group()) for m in re.finditer(r"\b\w", "one two")])
# expected
#> ['1', '22', '333'] [('a', '1'), ('b', '2')] [('a', ''), ('', 'b')]
#> [(0, 'o'), (4, 't')]
