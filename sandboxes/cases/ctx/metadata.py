# What the context is: its kind and sizes.
# context: ["ab", "cde"]

print(ctx.metadata())
# expected
#> {'context_type': 'document_list', 'total_length': 12, 'num_documents': 2, 'document_lengths': [2, 3]}
