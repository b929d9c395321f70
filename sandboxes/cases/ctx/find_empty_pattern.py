# An empty pattern has no matches, and so has one that is not there.
# context: "abc"

print(ctx.find(""), ctx.find("", regex=True), ctx.find("zz"), ctx.find("ABC"))
# expected
#> [] [] [] []
