# Format specs in f-strings: width, alignment, sign, precision, separators, bases, percent.
x, name = 1234.5678, "ann"
print(f"{x:.2f}|{x:10.1f}|{x:<10.0f}|{x:,.2f}|{x:e}|{x:+.1f}|{42:05d}|{255:x}|{255:#b}|{0.256:.1%}|{10**9:_}")
print(f"{name:>6}|{name:^7}|{name:*<6}|{name!r}|{name.upper()}|{name:.2}|{{}}|{'a' if x else 'b'}")
# expected
#> 1234.57|    1234.6|1235      |1,234.57|1.234568e+03|+1234.6|00042|ff|0b11111111|25.6%|1_000_000_000
#>    ann|  ann  |ann***|'ann'|ANN|an|{}|a
