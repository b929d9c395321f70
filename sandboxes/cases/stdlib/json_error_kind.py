# An error of json that ends the cell goes by its own name.
import json

json.loads("nope")
# expected
#! JSONDecodeError: line 1 column @3
