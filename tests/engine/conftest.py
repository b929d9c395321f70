from __future__ import annotations

from collections.abc import Iterator

import pytest

from .doubles import OPEN


@pytest.fixture(autouse=True)
def _stages_are_struck() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()
