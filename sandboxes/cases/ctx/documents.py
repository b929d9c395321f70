# Documents are told apart; past the end there is None, and -1 is the last one.
# context: ["first", "second one", "third"]

print(ctx.num_documents(), ctx.document_lengths(), ctx.get_document(1), ctx.get_document(3), ctx.get_document(-1), ctx.get_document(-4))
print(len(P) == ctx.len_chars(), P.startswith("first"), P.endswith("third"))
# expected
#> 3 [5, 10, 5] second one None third None
#> True True True
