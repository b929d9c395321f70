# A semicolon after the last expression does not hide it.
x = 2
x * 21;
# expected
#= 42
