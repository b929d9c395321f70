# Annotations of variables and functions are accepted and change nothing.
from typing import Any, Optional, Union

limit: int = 5
names: list[str] = []
table: dict[str, Optional[int]] = {}


def find(key: str, default: Union[int, None] = None, *rest: Any) -> int | None:
    found: int | None = table.get(key, default)
    return found


print(limit, names, find("a", 3))
# expected
#> 5 [] 3
