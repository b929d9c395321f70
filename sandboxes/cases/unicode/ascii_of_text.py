# ascii() escapes all that is not ASCII.
print(ascii("é😀"), f"{'é'!a}")
# expected
#> '\xe9\U0001f600' '\xe9'
