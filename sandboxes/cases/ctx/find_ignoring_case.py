# Without regard to case, the text is given as it stands.
# context: "Straße STRASSE straße"

print([text for _, _, text in ctx.find("STRAßE", case_sensitive=False)], len(ctx.find("strasse", case_sensitive=False)))
# expected
#> ['Straße', 'straße'] 1
