# round() goes to the even neighbour and takes digits.
print(round(2.5), round(3.5), round(-0.5), round(3.14159, 2), round(1234, -2), round(1.5, 0), round(7), int(-2.9), int("  42 "), float("1e3"))
# expected
#> 2 4 0 3.14 1200 2.0 7 -2 42 1000.0
