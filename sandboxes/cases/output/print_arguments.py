# print takes sep and end, and writes any value.
print("a", 1, None, [1, "b"], {"k": 1.0}, sep=" | ", end="!\n")
print(*"abc", sep="-")
print()
print("", "", sep="|")
# expected
#> a | 1 | None | [1, 'b'] | {'k': 1.0}!
#> a-b-c
#>
#> |
