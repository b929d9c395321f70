# Entities and URLs are taken apart.
import html
from urllib.parse import parse_qs, quote, urlparse

print(html.unescape("a &amp; b &lt;c&gt;"), urlparse("https://x.org/a?b=1").netloc, parse_qs("a=1&a=2"), quote("a b/c"))
# expected
#> a & b <c> x.org {'a': ['1', '2']} a%20b/c
