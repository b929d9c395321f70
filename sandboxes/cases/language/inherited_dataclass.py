# Dataclasses inherit fields, and take keyword-only ones.
from dataclasses import dataclass, field


@dataclass
class Base:
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Sized(Base):
    size: int = 0
    hidden: int = field(default=7, repr=False, compare=False)


print(Sized("a", size=3), Sized("a") == Sized("a", hidden=1), Sized("b", ["t"]).tags)
# expected
#> Sized(name='a', tags=[], size=3) True ['t']
