# FINAL keeps the type of the value.
FINAL({"n": 1, "f": 1.0, "t": True, "s": "1", "none": None, "list": [1, [2]], "b": b"x"})
# expected
#. {'n': 1, 'f': 1.0, 't': True, 's': '1', 'none': None, 'list': [1, [2]], 'b': b'x'}
