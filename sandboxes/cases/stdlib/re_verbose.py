# A verbose pattern may hold spaces and comments.
import re

pattern = re.compile(
    r"""
    (\d+)   # number
    \s*     # space
    (kg|g)  # unit
    """,
    re.VERBOSE,
)
print(pattern.findall("3 kg, 500g"), pattern.pattern.count("#"))
# expected
#> [('3', 'kg'), ('500', 'g')] 3
