# Documents in groups: (first, last, documents).
# context: ["a", "b", "c", "d", "e"]

print(ctx.chunk_documents(2), len(ctx.chunk_documents()), ctx.chunk_documents(100)[0][:2])
# expected
#> [(0, 2, ['a', 'b']), (2, 4, ['c', 'd']), (4, 5, ['e'])] 1 (0, 5)
