# A text that is no JSON is a ValueError that says where; a set is a TypeError.
import json

for text in ('{"a": 1,}', "", "{'a': 1}", "[1, 2"):
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        print("line 1 column" in str(error))
try:
    json.loads("nope")
except ValueError:
    print("a ValueError too")
json.dumps({"s": {1, 2}})
# expected
#> True
#> True
#> True
#> True
#> a ValueError too
#! TypeError: Object of type set is not JSON serializable @12
