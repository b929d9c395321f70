# The usual way to count words and to take the most frequent.
from collections import Counter
import re

text = "the cat and the hat and the bat"
print(Counter(re.findall(r"\w+", text)).most_common(2), dict(Counter(len(word) for word in text.split())))
# expected
#> [('the', 3), ('and', 2)] {3: 8}
