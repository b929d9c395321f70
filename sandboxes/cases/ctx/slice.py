# ctx.slice clamps: a negative start is the beginning, an end beyond the text is its end.
# context: "0123456789"

print(ctx.slice(2, 5), ctx.slice(-5, 3), ctx.slice(7, 100), repr(ctx.slice(5, 5)), repr(ctx.slice(8, 2)), ctx.slice(7), ctx.slice(0, -1) == "")
# expected
#> 234 012 789 '' '' 789 True
