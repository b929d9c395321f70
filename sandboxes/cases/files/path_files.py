# A path reads, writes, opens and removes its file.
# far: files
from pathlib import Path

p = Path("/artifacts/a.txt")
print(p.exists(), p.is_file(), p.write_text("one\n"), p.exists(), p.is_file(), p.is_dir())
with p.open("a") as f:
    f.write("two")
print(p.read_text().split(), p.read_bytes(), open(p).read() == p.read_text())
q = Path("/artifacts") / "b.bin"
print(q.write_bytes(b"\xff"), q.read_bytes(), vfs.list("/artifacts"))
q.unlink()
q.unlink(missing_ok=True)
try:
    q.unlink()
except FileNotFoundError:
    print(q.exists(), Path("/artifacts").is_dir())
# expected
#> False False 4 True True False
#> ['one', 'two'] b'one\ntwo' True
#> 1 b'\xff' ['/artifacts/a.txt', '/artifacts/b.bin']
#> False True
