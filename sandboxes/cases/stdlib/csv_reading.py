# csv reads quoted fields and rows as dicts.
import csv

lines = ['name,"a, b"', "x,1", '"say ""hi""",2']
print(list(csv.reader(lines)))
print(list(csv.DictReader(["name,n", "x,1", "y,2"])), list(csv.reader(["a;b"], delimiter=";")))
# expected
#> [['name', 'a, b'], ['x', '1'], ['say "hi"', '2']]
#> [{'name': 'x', 'n': '1'}, {'name': 'y', 'n': '2'}] [['a', 'b']]
