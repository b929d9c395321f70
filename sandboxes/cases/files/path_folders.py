# A folder lists what is in it, by pattern too.
# far: files
from pathlib import Path

folder = Path("/plans")
(folder / "deep").mkdir(parents=True, exist_ok=True)
folder.mkdir(exist_ok=True)
for name in ["a.txt", "b.md", "deep/c.txt"]:
    (folder / name).write_text(name)
print(sorted(str(p) for p in folder.iterdir()), sorted(p.name for p in folder.glob("*.txt")))
print(sorted(str(p) for p in folder.rglob("*.txt")), sorted(p.name for p in folder.glob("**/*")), list(folder.glob("*.py")))
try:
    folder.mkdir()
except FileExistsError:
    print((folder / "deep").is_dir(), (folder / "a.txt").is_dir())
# expected
#> ['/plans/a.txt', '/plans/b.md', '/plans/deep'] ['a.txt']
#> ['/plans/a.txt', '/plans/deep/c.txt'] ['a.txt', 'b.md', 'c.txt', 'deep'] []
#> True False
