# Groups by number and name, spans, and None where there is no match.
import re

m = re.search(r"(?P<year>\d{4})-(\d\d)", "on 2024-05-01")
print(m.group(), m.group("year"), m.groups(), m.groupdict(), m.span(), m.start(2), m[1], bool(m))
print(re.search("z", "abc"), re.match("b", "ab"), re.fullmatch("a+", "aaa") is not None)
# expected
#> 2024-05 2024 ('2024', '05') {'year': '2024'} (3, 10) 8 2024 True
#> None None True
