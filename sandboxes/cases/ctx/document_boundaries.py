# Offsets go on through all documents; a line of dashes stands between two, so that no match lies across.
# context: ["abc", "def"]

print(ctx.find("cd"), ctx.find("def"), repr(P), len(P) > sum(ctx.document_lengths()))
# expected
#> [] [(10, 13, 'def')] 'abc\n\n---\n\ndef' True
