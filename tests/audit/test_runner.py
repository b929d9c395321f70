"""The auditor sees each fault of a system that has just that one, from the canaries; and goes on after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellblock.audit import Attempt, Audit, Outcome
from cellblock.audit.attempts import Expectation
from cellblock.audit.evidence import Evidence
from cellblock.audit.judging import Seen
from cellblock.audit.runner import NOT_AGAIN, Desk, Result
from cellblock.audit.stands import Stand
from cellblock.errors import ConfigError

TESTS = str(Path(__file__).parents[1])


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", TESTS)


def attempt(*cells: str, name: str = "A/one", **fields: object) -> Attempt:
    expectation = Expectation(**{key: fields.pop(key) for key in ("never", "value", "calls", "error") if key in fields})  # type: ignore[arg-type]
    return Attempt(kind=name[0], technique="test/one", source=list(cells), expectation=expectation, id=name, **fields)  # type: ignore[arg-type]


def outcome(system: str, *cells: str, **fields: object) -> Result:
    (result,) = Audit(at_once=1).run(f"audit.careless:{system}", [attempt(*cells, **fields)])
    return result


@pytest.mark.parametrize(
    ("system", "cell", "seen"),
    [
        ("reads", "@FILE@", "the secret file"),
        ("environment", "@ENV@", "the secret variable"),
        ("memory", "x", "the host's memory"),
        ("touches", "@TOUCH@", "a file that must not appear"),
        ("touches", "@SECDIR@/other", "other in the secret folder"),
        ("touches", "@FILE@", "the secret file was changed"),
        ("connects", "@PORT@", "1 connections to 127.0.0.1"),
        ("wipes", "x", "a function of the host that must not run"),
        ("objects", "object", "LIVE OBJECTS: object"),
    ],
)
def test_an_escape_is_seen(system: str, cell: str, seen: str) -> None:
    found = outcome(system, cell)
    assert found.outcome is Outcome.ESCAPED
    assert any(seen in why for why in found.why)


@pytest.mark.parametrize(
    ("system", "cell", "kind", "seen"),
    [
        ("dies", "die", Outcome.CRASHED, "the host process died (exit status 3"),
        ("raises", "raise", Outcome.CRASHED, "ZeroDivisionError: of the host's"),
        ("hoards", "more", Outcome.OVERRUN, "MB were held, 67 were allowed"),
        ("leaves", "leave", Outcome.OVERRUN, "1 processes outlived the session"),
        ("late", "late", Outcome.OVERRUN, "s, 0.5 were allowed"),
        ("stalls", "stall", Outcome.OVERRUN, "the host's event loop stood still"),
        ("talks", "talk", Outcome.OVERRUN, "100,000 characters came out, 20,000 were allowed"),
    ],
)
def test_a_crash_and_an_overrun_are_seen(system: str, cell: str, kind: Outcome, seen: str) -> None:
    found = outcome(system, cell)
    assert found.outcome is kind
    assert any(seen in why for why in found.why), found.why


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"never": ["pwned"]}, Outcome.ESCAPED),
        ({"never": ["other"]}, Outcome.CONTAINED),
        ({"value": "other"}, Outcome.ESCAPED),
        ({"value": "pwned"}, Outcome.CONTAINED),
        ({"error": True}, Outcome.OVERRUN),
        ({"wants": ["runs"]}, Outcome.NOT_APPLICABLE),
    ],
)
def test_what_a_file_expects_counts(fields: dict[str, object], kind: Outcome) -> None:
    assert outcome("echoes", "pwned", **fields).outcome is kind


def test_after_a_death_the_next_attempt_has_a_fresh_process_and_fresh_canaries() -> None:
    attempts = [attempt(cell, name=f"A/{number}") for number, cell in enumerate(["x", "die", "x", "die", "x"])]
    results = Audit(at_once=1).run("audit.careless:dies", attempts)
    assert [result.outcome for result in results] == ["contained", "host crashed", "contained", "host crashed", "contained"]
    assert [result.id for result in results] == [one.id for one in attempts]


def test_a_system_that_is_none_is_a_wrong_call() -> None:
    for name in ("nothing", "audit.careless:nothing", "no.such.module:it", "json:loads"):
        with pytest.raises(ConfigError):
            Audit().run(name, [attempt("x")])


@pytest.mark.parametrize(
    ("stalls", "kind", "made"),
    [([0.3, 0.01], Outcome.OVERRUN, 2), ([0.3, 0.2, 0.4, 0.01], Outcome.OVERRUN, 3), ([0.05], Outcome.CONTAINED, 1)],
)
def test_a_stall_counts_and_whether_it_came_again_is_told(
    monkeypatch: pytest.MonkeyPatch, stalls: list[float], kind: Outcome, made: int
) -> None:
    left = list(stalls)
    monkeypatch.setattr(Stand, "started", lambda stand: stand)
    monkeypatch.setattr(Stand, "make", lambda *_: Seen(evidence=Evidence(lag_seconds=left.pop(0))))
    with Desk(Audit(), "restricted", "both") as desk:
        result = desk.make(attempt("1"))
    assert (result.outcome, len(stalls) - len(left)) == (kind, made)
    assert result.once == (NOT_AGAIN in result.why) == (made == 2)
