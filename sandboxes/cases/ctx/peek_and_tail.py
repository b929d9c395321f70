# peek and tail give the first and last characters, 2,000 if nothing is said.
# context: "a" * 1500 + "b" * 1500

print(peek(3), tail(3), len(peek()), len(tail()), peek() == P[:2000], tail(10_000) == P, lenP())
# expected
#> aaa bbb 2000 2000 True True 3000
