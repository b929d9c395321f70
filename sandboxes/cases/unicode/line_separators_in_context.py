# Other line separators are no line ends for ctx.lines, but are for splitlines.
# context: "a\u2028b\nc\x85d"

print(len(ctx.lines()), len(P.splitlines()), [len(line) for line in ctx.lines()])
# expected
#> 2 4 [3, 3]
