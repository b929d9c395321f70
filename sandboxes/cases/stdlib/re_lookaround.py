# Lookahead, lookbehind, backreferences, lazy and counted repeats.
import re

print(re.findall(r"(?<=\$)\d+", "$5 and 7"), re.findall(r"\w+(?=!)", "no! yes"), re.findall(r"\b(?!no)\w+", "no yes"), re.findall(r"(?<!a)b", "ab bb"))
print(re.search(r"(\w)\1", "hello").group(), re.findall(r"<.+?>", "<a><b>"), re.findall(r"a{2,3}", "aaaaa"), re.findall(r"(?:ab)+", "ababab"))
# expected
#> ['5'] ['no'] ['yes'] ['b', 'b']
#> ll ['<a>', '<b>'] ['aaa', 'aa'] ['ababab']
