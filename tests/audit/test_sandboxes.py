"""The corpus on the sandboxes: every attempt on one of them, the wasteful ones in turn; the whole on each is `cellblock audit`."""

from __future__ import annotations

from zlib import crc32

import pytest

from cellblock.audit import Attempt, Audit, Outcome, load_corpus
from cellblock.audit.runner import Result
from cellblock.audit.systems import Walls

SANDBOXES = ("monty", "restricted", "wasi")
ATTEMPTS = load_corpus()
WASTEFUL = {"D": 2, "E": 8, "F": 2, "H": 8, "I": 4}
"""Of the attempts that use up their limits, or ask the command line what it shows, one in so many is made here: time."""


def share(number: int) -> list[Attempt]:
    """Chosen by their names, so that it is always the same."""
    return [
        attempt
        for attempt in ATTEMPTS
        if (mark := crc32(attempt.id.encode())) % 3 == number and mark // 3 % WASTEFUL.get(attempt.kind, 1) == 0
    ]


def bad(results: list[Result]) -> list[str]:
    # Beside other tests, a stall that did not come again is theirs. `cellblock audit` counts it.
    kinds = (Outcome.CONTAINED, Outcome.NOT_APPLICABLE)
    found = [result for result in results if result.outcome not in kinds and not result.once]
    return [f"{result.outcome}: {result.id}: {'; '.join(result.why)}" for result in found]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", range(6))
def test_what_was_tried_is_contained(number: int) -> None:
    sandbox = number % 3
    mine = [attempt for place, attempt in enumerate(share(sandbox)) if place % 2 == number // 3]
    assert not bad(Audit(at_once=1).run(SANDBOXES[sandbox], mine))


@pytest.mark.parametrize(("sandbox", "walls"), [*((name, "interpreter") for name in SANDBOXES), ("monty", "jail")])
def test_each_wall_holds_alone(sandbox: str, walls: Walls) -> None:
    language = [attempt for attempt in ATTEMPTS if attempt.kind == "A"]
    mine = language[SANDBOXES.index(sandbox) :: 3]
    results = Audit(at_once=1).run(sandbox, mine, walls=walls)
    assert not bad(results)
    assert len(results) == len(mine) > 50


@pytest.mark.parametrize("control", ["exec", "restrictedpython"])
def test_the_controls_do_not_hold(control: str) -> None:
    mine = [attempt for attempt in ATTEMPTS if attempt.id.startswith(("A/format", "A/subclasses", "A/self", "A/import"))]
    results = Audit(at_once=1).run(control, mine)
    escaped = [result.id for result in results if result.outcome is Outcome.ESCAPED]
    assert len(escaped) >= (len(mine) // 2 if control == "exec" else 3)
