# ctx.search gives the passages that hold a question's words best.
# context: "nothing here. " * 100 + "\nThe treaty of Utrecht was signed in 1713.\n" + "filler words. " * 100

start, end, passage = ctx.search("When was the treaty of Utrecht signed?")[0]
print("1713" in passage, passage == P[start:end], ctx.search("zzzz"), len(ctx.search("words", max_results=1)))
# expected
#> True True [] 1
