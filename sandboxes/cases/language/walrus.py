# `:=` binds inside an expression.
text = "a1b22"
digits = ""
while (position := len(digits)) < 3:
    digits += str(position)
print(digits, position, (n := 5) + n, [y := 1, y + 1])
# expected
#> 012 3 10 [1, 2]
