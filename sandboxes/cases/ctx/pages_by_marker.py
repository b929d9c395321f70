# Pages that are marked before each.
# context: "<!-- Page 1 -->one<!-- Page 2 -->two<!-- Page 9 -->nine"

print(ctx.page(1), ctx.page(2), ctx.page(9), ctx.page(3))
# expected
#> one two nine None
