# `from __future__ import annotations` is accepted.
from __future__ import annotations


def f(x: Unknown) -> Unknown:
    return x


print(f(1))
# expected
#> 1
