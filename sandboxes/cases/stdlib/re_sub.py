# sub replaces with texts, groups and counts; split keeps captured separators.
import re

print(re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world"), re.sub("a", "b", "aaa", count=2), re.sub(r"\s+", " ", "a \n b"))
print(re.split(r"[,;]\s*", "a, b;c"), re.split(r"(-)", "a-b-c"), re.sub(r"(?P<x>\d)", r"<\g<x>>", "a1"))
# expected
#> world hello bba a b
#> ['a', 'b', 'c'] ['a', '-', 'b', '-', 'c'] a<1>
