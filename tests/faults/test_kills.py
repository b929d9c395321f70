"""A run is killed while it writes to its journal, and goes on in another process: a sample. `every_write.py` tries every write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from . import checking, story
from .chains import Kill, Setting, chain

KILLS = 5
"""Of each sandbox and policy in every test run."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("every", [1, None], ids=["a state after each cell", "cells run again"])
def test_a_run_killed_at_a_write_ends_as_if_nothing_had_happened(staged: Callable[..., Setting], sandbox: str, every: int | None):
    setting = staged(sandbox, every)
    was = setting.undisturbed()
    # Other places for each sandbox: together they are spread over the whole run.
    first = 1 + ("monty", "restricted", "wasi").index(sandbox) * 5 + (every or 0) * 2
    places = [Kill(at=at, after=at % 2 == 0) for at in range(first, was.report.writes, was.report.writes // KILLS + 1)]
    found = {f"{place}": one.problems for place in places if (one := chain(setting, was, [place])).problems or one.kills != 1}
    assert not found


@pytest.mark.timeout(300)
def test_a_run_that_is_killed_again_and_again_ends_all_the_same(staged: Callable[..., Setting], sandbox: str):
    setting = staged(sandbox)
    was = setting.undisturbed()
    done = chain(setting, was, [Kill(at=40, after=True), Kill(at=20, after=False), Kill(at=30, after=True), Kill(at=25, after=False)])
    assert not done.problems
    assert done.kills == 4


def test_the_run_is_one_that_does_all_that_a_run_can_do(staged: Callable[..., Setting]):
    setting = staged("monty", 1)
    was = setting._undisturbed()
    rows = [row for rows in checking.recorded(setting.folder / "1").values() for row in rows]
    assert {row.kind for row in rows} == {"ask", "exec", "call", "tool", "run", "get", "refuse", "snapshot", "vfs", "branch"}
    assert sum(row.kind != "snapshot" for row in rows) >= story.EFFECTS
    assert was.report.value["stood"] is True and was.report.value["shape"] == {"sides": 4}
