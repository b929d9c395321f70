"""A control is no sandbox, and harms nobody but itself: it sees no process of others, and its marks are gone with it."""

from __future__ import annotations

import pytest

from cellblock.audit import Attempt, Audit, Outcome
from cellblock.audit.attempts import Expectation


def attempt(*cells: str, name: str = "A/one", **expected: object) -> Attempt:
    return Attempt(kind="A", technique="t", source=list(cells), expectation=Expectation(**expected), id=name)  # type: ignore[arg-type]


def outcomes(*attempts: Attempt) -> list[Outcome]:
    return [result.outcome for result in Audit(at_once=1).run("exec", attempts)]


def test_a_signal_to_everybody_reaches_nobody_else() -> None:
    # Whoever has a small number is in a namespace of its own; where that is forbidden, the signal must not be tried.
    (alone,) = Audit(at_once=1).run("exec", [attempt("import os\nos.getpid() < 10", value="True")])
    assert alone.outcome is Outcome.CONTAINED
    assert outcomes(attempt("import os\nos.kill(-1, 9)"), attempt("1", name="A/two")) == [Outcome.CONTAINED, Outcome.CONTAINED]


@pytest.mark.parametrize(
    "cell",
    ["import os\nos._exit(0)", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "raise SystemExit"],
)
def test_an_attempt_that_ends_its_host_is_seen(cell: str) -> None:
    assert outcomes(attempt(cell), attempt("1", name="A/two")) == [Outcome.CRASHED, Outcome.CONTAINED]


def test_a_mark_on_the_process_is_not_there_for_the_next_attempt() -> None:
    first = attempt("import builtins\nbuiltins.mark = 'was here'")
    assert outcomes(first, attempt("mark", name="A/two", never=["was here"])) == [Outcome.CONTAINED, Outcome.CONTAINED]
