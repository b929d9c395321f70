# Line ends inside of texts are kept.
print("one\ntwo\n\nfour")
print("""three
lines
""")
# expected
#> one
#> two
#>
#> four
#> three
#> lines
#>
