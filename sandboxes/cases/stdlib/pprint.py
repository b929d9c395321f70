# Nested data is printed over several lines.
import pprint

print(pprint.pformat({"b": [1, 2], "a": "x"}), len(pprint.pformat(list(range(50))).splitlines()) > 1)
# expected
#> {'a': 'x', 'b': [1, 2]} True
