# `json` and `csv` write to files and read from them.
# far: files
import csv
import json

with open("/a.json", "w") as f:
    json.dump({"a": [1, None]}, f)
with open("/a.json") as f:
    print(json.load(f), json.loads(vfs.read("/a.json")))
with open("/a.csv", "w", newline="") as f:
    csv.writer(f).writerows([["a", "b"], [1, "x,y"]])
with open("/a.csv", newline="") as f:
    print(list(csv.DictReader(f)), vfs.read("/a.csv", binary=True))
# expected
#> {'a': [1, None]} {'a': [1, None]}
#> [{'a': '1', 'b': 'x,y'}] b'a,b\r\n1,"x,y"\r\n'
