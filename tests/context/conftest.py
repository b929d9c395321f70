from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandboxes"))

from cellblock.host.context import Context
from near import NearContext


@pytest.fixture
def near() -> Iterator[Callable[[object], NearContext]]:
    """Maps any number of contexts for one test."""
    opened: list[NearContext] = []

    def open_one(source: object) -> NearContext:
        with Context.coerce(source) as context:
            opened.append(NearContext(context.fd))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
