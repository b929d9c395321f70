# Floats are written with the fewest digits that give them back.
print(0.1 + 0.2, 1e16, 1e15, 1e-5, 1e-4, 100.0, 1 / 3, -0.0, 1.0e300 * 10, 2.5e-8, 123456789.123456789)
print(float("inf"), -float("inf"), float("nan"), 5e-324, 3.0, 1e22, 0.1 + 0.7)
# expected
#> 0.30000000000000004 1e+16 1000000000000000.0 1e-05 0.0001 100.0 0.3333333333333333 -0.0 1e+301 2.5e-08 123456789.12345679
#> inf -inf nan 5e-324 3.0 1e+22 0.7999999999999999
