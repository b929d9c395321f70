# Windows count characters, whatever their width.
# context: "😀é漢a" * 3

print([(start, end, len(text)) for start, end, text in ctx.chunk(5)], ctx.chunk(5)[1][2])
# expected
#> [(0, 5, 5), (5, 10, 5), (10, 12, 2)] é漢a😀é
