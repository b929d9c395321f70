# Lines without their ends, from 0, clamped.
# context: "zero\none\r\ntwo\n\nfour"

print(ctx.lines(), ctx.lines(1, 3), ctx.lines(3), ctx.lines(-5, 1), ctx.lines(9))
# expected
#> ['zero', 'one', 'two', '', 'four'] ['one', 'two'] ['', 'four'] ['zero'] []
