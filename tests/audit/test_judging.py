"""A verdict follows from what was seen alone, and the worst that was seen decides."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cellblock.audit.attempts import Attempt, Expectation
from cellblock.audit.evidence import Evidence, Timed
from cellblock.audit.judging import Allowed, Outcome, Seen, judge, only_stalled

ALLOWED = Allowed(memory_bytes=64 * 2**20, output_chars=20_000, host_calls=200)
PLAIN = Attempt(kind="A", technique="t", source=["x"], expectation=Expectation(), id="A/x")
BAD: dict[Outcome, list[dict[str, Any]]] = {
    Outcome.ESCAPED: [
        {"tripped": ["touched"]},
        {"leaked": ["a secret"]},
        {"wiped": ["wiped"]},
        {"unequal": ["not the same"]},
    ],
    Outcome.CRASHED: [{"died": "SIGSEGV"}, {"crashed": ["KeyError"]}, {"not_made": "SandboxUnavailable"}],
    Outcome.OVERRUN: [
        {"timed": [Timed(seconds=1.6, allowed=0.5)]},
        {"memory_bytes": 64 * 2**20 + 64 * 10**6 + 1},
        {"output_chars": 40_001},
        {"calls": 201},
        {"leftover": 1},
        {"lag_seconds": 0.11},
    ],
}
FINE = {"timed": [Timed(seconds=1.4, allowed=0.5)], "memory_bytes": 120 * 10**6, "output_chars": 30_000, "calls": 200, "lag_seconds": 0.09}


def seen(**fields: Any) -> Seen:
    mine = {name: fields.pop(name) for name in list(fields) if name in Seen.__slots__ and name != "evidence"}
    return Seen(evidence=Evidence(**fields), **mine)


def test_what_is_within_the_limits_is_contained() -> None:
    assert judge(PLAIN, seen(**FINE), ALLOWED).outcome is Outcome.CONTAINED


@given(st.data())
def test_the_worst_of_all_that_was_seen_decides(data: st.DataObject) -> None:
    kinds = data.draw(st.sets(st.sampled_from(sorted(BAD)), min_size=1))
    fields: dict[str, Any] = {}
    for kind in sorted(kinds):
        for bad in data.draw(st.lists(st.sampled_from(BAD[kind]), min_size=1)):
            fields |= bad
    worst = next(kind for kind in BAD if kind in kinds)
    assert judge(PLAIN, seen(**{**FINE, **fields}), ALLOWED).outcome is worst


def test_a_stall_alone_is_told_from_a_stall_beside_something_else() -> None:
    assert only_stalled(PLAIN, seen(lag_seconds=0.11), ALLOWED)
    assert not only_stalled(PLAIN, seen(**FINE), ALLOWED)
    assert not only_stalled(PLAIN, Seen(evidence=None, seconds=90.0), ALLOWED)
    for bad in (bad for kind in BAD.values() for bad in kind if "lag_seconds" not in bad):
        assert not only_stalled(PLAIN, seen(**bad, lag_seconds=0.11), ALLOWED)


def test_a_host_that_does_not_come_back_is_no_containment() -> None:
    assert judge(PLAIN, Seen(evidence=None, seconds=90.0), ALLOWED).outcome is Outcome.OVERRUN
    assert judge(PLAIN, Seen(evidence=None, died="SIGKILL"), ALLOWED).outcome is Outcome.CRASHED
    assert judge(PLAIN, Seen(evidence=None, died="SIGKILL", tripped=["touched"]), ALLOWED).outcome is Outcome.ESCAPED


def test_each_session_may_hold_as_much_as_one() -> None:
    held = 4 * ALLOWED.memory_bytes
    assert judge(PLAIN, seen(memory_bytes=held), ALLOWED).outcome is Outcome.OVERRUN
    assert judge(PLAIN, seen(memory_bytes=held, allowed_bytes=4 * ALLOWED.memory_bytes), ALLOWED).outcome is Outcome.CONTAINED


def test_an_answer_that_was_forged_is_an_escape_and_none_is_not() -> None:
    attempt = Attempt(kind="H", technique="t", source=["x"], expectation=Expectation(answer="42"), id="H/x")
    assert judge(attempt, seen(answer="pwned"), ALLOWED).outcome is Outcome.ESCAPED
    assert judge(attempt, seen(answer="42"), ALLOWED).outcome is Outcome.CONTAINED
    assert judge(attempt, seen(answer=None), ALLOWED).outcome is Outcome.CONTAINED
