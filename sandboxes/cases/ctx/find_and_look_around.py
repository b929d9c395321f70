# The usual way: find, then look at what stands around.
# context: "filler " * 1000 + "The code is 4711." + " filler" * 1000

start, end, text = ctx.find("code is")[0]
print(ctx.slice(start - 4, end + 6))
# expected
#> The code is 4711.
