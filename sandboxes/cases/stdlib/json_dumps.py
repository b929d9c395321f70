# Texts are escaped, keys become texts, separators, indents and sorting are as asked.
import json

print(json.dumps({"b": [1, 2.5, None, True], "a": 'q"\n\té', 3: "int", None: 0}))
print(json.dumps({"b": 1, "a": [1, {}]}, indent=2, sort_keys=True), json.dumps([1, 2], separators=(",", ":")), json.dumps("é😀", ensure_ascii=False))
# expected
#> {"b": [1, 2.5, null, true], "a": "q\"\n\t\u00e9", "3": "int", "null": 0}
#> {
#>   "a": [
#>     1,
#>     {}
#>   ],
#>   "b": 1
#> } [1,2] "é😀"
