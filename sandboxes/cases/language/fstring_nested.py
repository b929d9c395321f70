# Nested fields, `=`, conversions, and expressions with quotes and calls.
width, value = 8, 3.14159
d = {"k": [1, 2]}
print(f"{value:{width}.{2}f}|{value=:.1f}|{d['k'][1]}|{len(d)}|{[n * 2 for n in d['k']]}|{(lambda a: a + 1)(2)}|{width + 1 = }")
# expected
#>     3.14|value=3.1|2|1|[2, 4]|3|width + 1 = 9
