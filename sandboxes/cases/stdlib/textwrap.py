# Texts are wrapped, shortened and dedented.
import textwrap

print(textwrap.wrap("the quick brown fox", 10), textwrap.dedent("  a\n  b"), textwrap.shorten("the quick brown fox", 12), textwrap.fill("a b c", 3))
# expected
#> ['the quick', 'brown fox'] a
#> b the [...] a b
#> c
