# P is given to re like any text.
# context: "tel 031-22, tel 044-5"

import re

print(re.findall(r"tel (\d+)", P), [m.start() for m in re.finditer("tel", P)], re.split(", ", P)[1])
# expected
#> ['031', '044'] [0, 12] tel 044-5
