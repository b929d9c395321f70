# Offsets in the context count code points, and slices fit what was found.
# context: "😀é漢 needle e\u0301 needle 👨‍👩‍👧"

for start, end, text in ctx.find("needle"):
    print(start, end, P[start:end] == text, ctx.slice(start, end) == text)
print(len(P), P.find("👨"), P[-1] == "👧", [len(text) for _, _, text in ctx.chunk(7)])
# expected
#> 4 10 True True
#> 14 20 True True
#> 26 21 True [7, 7, 7, 5]
