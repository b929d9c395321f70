# At most max_matches matches are given, 20 if nothing is said.
# context: "ab" * 50

print(len(ctx.find("a")), len(ctx.find("a", max_matches=1000)), len(ctx.find("a", max_matches=3)), ctx.find("b", max_matches=1)[0][0])
# expected
#> 20 50 3 1
