# ctx.chunk gives windows of a size that cover the text.
# context: "abcdefghij"

print(ctx.chunk(4))
print(ctx.chunk(100), ctx.chunk(5))
# expected
#> [(0, 4, 'abcd'), (4, 8, 'efgh'), (8, 10, 'ij')]
#> [(0, 10, 'abcdefghij')] [(0, 5, 'abcde'), (5, 10, 'fghij')]
