# split and strip take all white space; splitlines knows all line ends.
print("a\u2003b\u00a0c\u3000d".split(), "\u2028x\ufeff".strip() == "x\ufeff", "a\x0bb\x1cc\u2028d\x85e\r\nf".splitlines())
# expected
#> ['a', 'b', 'c', 'd'] True ['a', 'b', 'c', 'd', 'e', 'f']
