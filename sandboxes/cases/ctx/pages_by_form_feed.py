# Pages that end with a form feed; none without marks.
# context: "one\ftwo\fthree"

print(ctx.page(1), ctx.page(2), ctx.page(3), ctx.page(4))
# expected
#> one two three None
