# Anchors and dots of a regular expression: `^` needs (?m), a dot stops at a line's end.
# context: "alpha: 1\nbeta: 2\ngamma: 3"

print([text for _, _, text in ctx.find(r"(?m)^\w+", regex=True)], [text for _, _, text in ctx.find(r"^\w+", regex=True)])
print([text for _, _, text in ctx.find(r"beta.*", regex=True)], len(ctx.find(r"(?s)beta.*", regex=True)[0][2]))
# expected
#> ['alpha', 'beta', 'gamma'] ['alpha']
#> ['beta: 2'] 16
