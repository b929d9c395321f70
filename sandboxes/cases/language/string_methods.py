# Methods of str that cells use all the time.
s = "  The quick, brown fox  "
print(s.strip().split(", "), s.split(), s.find("quick"), s.find("zz"), s.count("o"), s.strip().title(), s.strip().replace("quick", "slow"))
print("a,b,,c".split(","), "a b c d".split(" ", 2), "a b c d".rsplit(" ", 1), "k=v=w".partition("="), "k=v=w".rpartition("="))
print("abc".startswith(("x", "ab")), "abc".endswith("bc"), "x".join("abc"), "7".zfill(3), "abc".index("c"), "prefix-x".removeprefix("prefix-"))
print("one\ntwo\r\nthree\n".splitlines(), "AbC".swapcase(), "abc".center(9, "*"), "a\tb".expandtabs(4), "abc".isalpha(), "12".isdigit(), "a1".isalnum())
# expected
#> ['The quick', 'brown fox'] ['The', 'quick,', 'brown', 'fox'] 6 -1 2 The Quick, Brown Fox The slow, brown fox
#> ['a', 'b', '', 'c'] ['a', 'b', 'c d'] ['a b c', 'd'] ('k', '=', 'v=w') ('k=v', '=', 'w')
#> True True axbxc 007 2 x
#> ['one', 'two', 'three'] aBc ***abc*** a   b True True True
