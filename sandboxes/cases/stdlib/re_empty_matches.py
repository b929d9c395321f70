# A pattern that can be empty matches at the end too.
import re

print(re.findall("x*", "axb"), re.sub("x*", "-", "abxd"), re.split("(?=b)", "abab"))
# expected
#> ['', 'x', '', ''] -a-b--d- ['a', 'ba', 'b']
