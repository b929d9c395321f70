# What json can say comes back equal.
import json

data = {"text": "l\u2028 \\ \" / é", "numbers": [0, -1, 10**18, 0.1, 1e-7], "nested": [[], {}, [None, False]]}
print(json.loads(json.dumps(data)) == data, json.loads(json.dumps(data, ensure_ascii=False, indent=1)) == data)
print(json.loads(json.dumps({1: (1, 2)})))
# expected
#> True True
#> {'1': [1, 2]}
