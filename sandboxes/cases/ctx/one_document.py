# A plain text is one document.
# context: "all of it"

print(ctx.num_documents(), ctx.get_document(0), ctx.document_lengths(), ctx.chunk_documents())
# expected
#> 1 all of it [9] [(0, 1, ['all of it'])]
