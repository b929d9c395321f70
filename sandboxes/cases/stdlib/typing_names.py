# The names of typing can be imported and used in annotations.
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union


def apply(function: Callable[[int], int], values: Iterable[int]) -> List[int]:
    return [function(value) for value in values]


table: Dict[str, Tuple[int, ...]] = {"a": (1,)}
print(apply(lambda n: n + 1, [1, 2]), table)
# expected
#> [2, 3] {'a': (1,)}
