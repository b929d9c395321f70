# A regular expression finds what re would find; a pattern without regex=True is literal.
# context: "ID-17, ID-9 and id-3. Cost: 1.5 (1x5)"

print([text for _, _, text in ctx.find(r"ID-\d+", regex=True)], [start for start, _, _ in ctx.find("1.5")])
print([text for _, _, text in ctx.find(r"id-\d", regex=True, case_sensitive=False)], [text for _, _, text in ctx.find("1.5", regex=True)])
# expected
#> ['ID-17', 'ID-9'] [28]
#> ['ID-1', 'ID-9', 'id-3'] ['1.5', '1x5']
