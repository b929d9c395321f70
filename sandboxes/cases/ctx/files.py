# FILES names the documents that have names.
# context: {"a.txt": "alpha", "b.md": "beta 😀"}

print(FILES, ctx.num_documents(), [file["size"] for file in FILES] == ctx.document_lengths())
# expected
#> [{'name': 'a.txt', 'size': 5}, {'name': 'b.md', 'size': 6}] 2 True
