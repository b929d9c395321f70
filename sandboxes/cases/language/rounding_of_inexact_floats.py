# round() looks at the exact value of a float, which is a little below 2.675.
print(round(2.675, 2), f"{2.675:.2f}", round(1.005, 2))
# expected
#> 2.67 2.67 1.0
