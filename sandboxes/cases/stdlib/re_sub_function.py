# The replacement can be a function of the match.
import re

print(re.sub(r"\d+", lambda m: str(int(m.group()) * 2), "a1b22"), re.subn("a", "b", "aba"))
# expected
#> a2b44 ('bbb', 2)
