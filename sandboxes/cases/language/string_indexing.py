# Strings are sequences of characters that cannot be changed.
s = "hello"
print(s[0], s[-1], s[1:3], s[::-1], "ell" in s, "" in s, s * 2, [c for c in s][:2], min(s), sorted(set(s)))
s[0] = "j"
# expected
#> h o el olleh True True hellohello ['h', 'e'] e ['e', 'h', 'l', 'o']
#! TypeError: 'str' object does not support item assignment @3
