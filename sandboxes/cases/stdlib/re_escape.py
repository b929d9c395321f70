# Special characters are matched literally after re.escape.
import re

print(re.escape("a.b*c"), re.findall(re.escape("1+1"), "1+1=2, 11"))
# expected
#> a\.b\*c ['1+1']
