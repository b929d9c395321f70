# eval gives a value, exec binds names.
base = 5
print(eval("base * 2 + len('ab')"))
exec("made = base + 1")
print(made)
# expected
#> 12
#> 6
