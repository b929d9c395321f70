# casefold makes texts comparable without regard to case.
print("Straße".casefold() == "STRASSE".casefold(), "ΣΊΣΥΦΟΣ".casefold(), "ﬃ".casefold())
# expected
#> True σίσυφοσ ffi
