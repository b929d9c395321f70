# A path is taken apart and put together.
# far: files
import pathlib
from pathlib import Path

p = Path("/plans") / "sub" / "a.tar.gz"
print(p, p.name, p.stem, p.suffix, p.parent, p.parts, p.is_absolute())
print(p.with_suffix(".txt"), p.with_name("b"), p.joinpath("x", "y"), Path("a", "b"), Path("/a//b/./c/"))
print(p == Path("/plans/sub/a.tar.gz"), p != Path("/"), len({p, Path(str(p))}), isinstance(p, pathlib.Path))
print(repr(Path("/a")), f"{Path('x') / 'y'}", str(Path()))
# expected
#> /plans/sub/a.tar.gz a.tar.gz a.tar .gz /plans/sub ('/', 'plans', 'sub', 'a.tar.gz') True
#> /plans/sub/a.tar.txt /plans/sub/b /plans/sub/a.tar.gz/x/y a/b /a/b/c
#> True True 1 True
#> PosixPath('/a') x/y .
