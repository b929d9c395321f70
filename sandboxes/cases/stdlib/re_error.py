# A pattern that is none is an error of re, which can be caught as re.error.
import re

try:
    re.compile("(unclosed")
except re.error as error:
    print("caught", type(error).__name__ in ("error", "PatternError"))
# expected
#> caught True
