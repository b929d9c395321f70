# Flags: ignoring case, many lines, dot over newlines.
import re

text = "One\ntwo\nTHREE"
print(re.findall("^t.*", text, re.IGNORECASE | re.MULTILINE), re.search("One.two", text, re.DOTALL) is not None, re.findall("(?i)o", text))
# expected
#> ['two', 'THREE'] True ['O', 'o']
