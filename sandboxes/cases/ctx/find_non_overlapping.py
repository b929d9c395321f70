# Matches do not overlap.
# context: "aaaaa"

print([(start, end) for start, end, _ in ctx.find("aa")])
# expected
#> [(0, 2), (2, 4)]
