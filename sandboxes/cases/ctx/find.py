# ctx.find gives (start, end, text) in characters, from left to right.
# context: "one 😀 two one"

for start, end, text in ctx.find("one"):
    print(start, end, text, P[start:end])
# expected
#> 0 3 one one
#> 10 13 one one
