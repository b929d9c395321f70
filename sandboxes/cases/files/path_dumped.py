# Paths are there after a dump and in a fork.
# far: files
from pathlib import Path

p, many = Path("/evidence") / "parent.txt", {"a": [Path("b")]}
# %% dump
# %%
print(p.read_text().strip(), many, p.parent)
# %% fork
# %%
print(p.exists(), isinstance(p, Path))
# %% back
# expected
# %%
# %%
#> of the parent {'a': [PosixPath('b')]} /evidence
# %%
# %%
#> True True
# %%
