"""What models write runs as on plain CPython."""

from __future__ import annotations

import decimal
import random

import pytest
from restricted_cells import CELLS
from restricted_harness import Cells, plainly


@pytest.mark.parametrize("name", CELLS)
def test_an_ordinary_cell_prints_what_cpython_prints(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = Cells()
    outcome = cells.run(CELLS[name])
    assert outcome.error is None, (outcome.error, cells.printed)
    random.seed(0)
    with decimal.localcontext():
        expected = plainly(CELLS[name])
    assert cells.printed == expected
