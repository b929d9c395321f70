# Variables named like built-in functions do not disturb what is shown.
list, str, len, repr, type = 1, 2, 3, 4, 5
{"a": [list, (str,)], "b": "text"}
# expected
#= {'a': [1, (2,)], 'b': 'text'}
