# extract_after gives the text after a marker, or None.
# context: "Name: Ada Lovelace\nBorn: 1815"

print(extract_after("Name: ", 12), extract_after("Born: "), extract_after("Died: "))
# expected
#> Ada Lovelace 1815 None
