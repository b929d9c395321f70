# json.dumps asks `default` about what it does not know.
import json

print(json.dumps({"s": {1}, "t": (1, 2)}, default=list))
# expected
#> {"s": [1], "t": [1, 2]}
