# `and` and `or` give one of their operands and stop as soon as they know.
def loud(value):
    print("saw", value)
    return value


print(loud(0) or loud("") or loud([]) or "default")
print(loud(1) and loud(None) and loud(2))
print(not [], not "a", 3 if [] else 4)
# expected
#> saw 0
#> saw 
#> saw []
#> default
#> saw 1
#> saw None
#> None
#> True False 4
