# A KeyError that ends the cell names the key.
{"a": 1}["missing"]
# expected
#! KeyError: missing @1
