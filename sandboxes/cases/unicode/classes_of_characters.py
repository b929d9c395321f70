# isalpha, isdigit, isnumeric, isspace and isidentifier follow Unicode.
print("漢é".isalpha(), "²".isdigit(), "²".isdecimal(), "½".isnumeric(), "\u2003\u00a0".isspace(), "naïve1".isidentifier(), "1a".isidentifier(), "\u200b".isprintable())
# expected
#> True True False True True True False False
