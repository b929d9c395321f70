# Comprehensions over chunks, slices and matches work together.
# context: "Error: a\nok\nError: b\n" * 30

errors = [P[start : P.find("\n", start)] for start, _, _ in ctx.find("Error", max_matches=100)]
print(len(errors), errors[:2], sum("Error" in text for _, _, text in ctx.chunk(200)))
# expected
#> 60 ['Error: a', 'Error: b'] 4
