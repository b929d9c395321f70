# Numbers keep their kind, escapes are resolved, and the last of equal keys wins.
import json

print(json.loads('{"a": [1, 1.0, 1e3, -0, null, true], "u": "\\u00e9\\ud83d\\ude00", "a2": {"x": []}, "d": 1, "d": 2}'))
print(json.loads(" [1 , 2 ] "), json.loads('"text"'), json.loads("NaN") != json.loads("NaN"), json.loads(b'{"k": "v"}'))
# expected
#> {'a': [1, 1.0, 1000.0, 0, None, True], 'u': 'é😀', 'a2': {'x': []}, 'd': 2}
#> [1, 2] text True {'k': 'v'}
