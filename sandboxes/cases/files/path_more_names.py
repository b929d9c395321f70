# A path knows the folders around it, and its place below one.
# far: files
from pathlib import Path

p = Path("/plans/sub/a.tar.gz")
print([str(one) for one in p.parents], p.suffixes, p.relative_to("/plans"), p.is_relative_to("/scores"), p.with_stem("b"))
print(sorted([Path("b"), Path("a")]), p.as_posix())
# expected
#> ['/plans/sub', '/plans', '/'] ['.tar', '.gz'] sub/a.tar.gz False /plans/sub/b.gz
#> [PosixPath('a'), PosixPath('b')] /plans/sub/a.tar.gz
