# A cell of a thousand lines is run like any other.
x = 0
x = x + 1; x = x * 2; x = x - 3; x = x + 10
exec_count = sum(1 for _ in range(1000))
x, exec_count
# expected
#= (9, 1000)
