# Texts of a megabyte cross both ways.
# far: echo

text = "é😀 line\n" * 100_000
print(echo(text) == text, len(echo([text, text])[1]))
# expected
#> True 800000
