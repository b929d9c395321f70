# Each window starts `overlap` before the last one's end, and the last one reaches the end.
# context: "abcdefghij"

print(ctx.chunk(4, overlap=1))
print(ctx.chunk(4, 3)[-1], len(ctx.chunk(4, 3)))
# expected
#> [(0, 4, 'abcd'), (3, 7, 'defg'), (6, 10, 'ghij')]
#> (6, 10, 'ghij') 7
