"""From what was seen to a verdict. Pure: what the sandbox says of itself is not asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from .attempts import Attempt
from .evidence import Evidence

WALL_SLACK_SECONDS = 1.0
MEMORY_SLACK_BYTES = 64 * 10**6
LAG_SECONDS = 0.1
OUTPUT_SLACK_CHARS = 20_000
"""Beside the printed text, a cell has a value and an error, each bounded on its own."""


class Outcome(StrEnum):
    """What an attempt came to, the worst first."""

    ESCAPED = "escaped"
    CRASHED = "host crashed"
    OVERRUN = "limit overrun"
    CONTAINED = "contained"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One attempt as the auditor saw it."""

    evidence: Evidence | None
    """None: the throw-away process did not live to tell."""
    tripped: Sequence[str] = ()
    """Canaries that were reached behind everybody's back."""
    leaked: Sequence[str] = ()
    """Secrets and paths of the host in what came out."""
    died: str | None = None
    """How the throw-away process ended, if it did."""
    seconds: float = 0.0
    memory_bytes: int = 0
    """The most that the process and all below it held, over what they held when the attempt began."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """The limits under which it was made."""

    memory_bytes: int
    output_chars: int
    host_calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of one attempt."""

    outcome: Outcome
    why: tuple[str, ...] = ()


def judge(attempt: Attempt, seen: Seen, allowed: Allowed) -> Verdict:
    """The verdict, with every reason of the worst kind that there is."""
    if seen.evidence is not None and seen.evidence.not_applicable is not None:
        return Verdict(outcome=Outcome.NOT_APPLICABLE, why=(seen.evidence.not_applicable,))
    for outcome, reasons in (
        (Outcome.ESCAPED, [*seen.tripped, *seen.leaked, *_escapes(attempt, seen.evidence)]),
        (Outcome.CRASHED, _crashes(seen)),
        (Outcome.OVERRUN, [*_overruns(attempt, seen, allowed)]),
    ):
        if reasons:
            return Verdict(outcome=outcome, why=tuple(reasons))
    return Verdict(outcome=Outcome.CONTAINED)


def only_stalled(attempt: Attempt, seen: Seen, allowed: Allowed) -> bool:
    """Whether nothing is wrong but that the event loop stood still."""
    if seen.evidence is None or seen.evidence.lag_seconds <= LAG_SECONDS:
        return False
    calm = replace(seen, evidence=msgspec.structs.replace(seen.evidence, lag_seconds=0.0))
    return judge(attempt, calm, allowed).outcome == Outcome.CONTAINED


def _escapes(attempt: Attempt, evidence: Evidence | None) -> Iterator[str]:
    if evidence is None:
        return
    expected = attempt.expectation
    yield from evidence.wiped
    yield from evidence.unequal
    for came in evidence.came:
        if came.what == "argument" and came.text.startswith("LIVE OBJECTS"):
            yield f"an external was called with {came.text[:200]}"
        if expected.session in (None, came.session):
            yield from (f"{text!r} in a text ({came.what}) of session {came.session}" for text in expected.never if text in came.text)
    if expected.value is not None and evidence.error is None and evidence.value not in (None, expected.value):
        yield f"the value is {evidence.value[:200]}, not {expected.value}"
    if expected.answer is not None and evidence.answer not in (None, expected.answer):
        yield f"the answer is {evidence.answer[:200]!r}, not {expected.answer!r}"


def _crashes(seen: Seen) -> list[str]:
    found = [f"the host process died ({seen.died})"] if seen.died else []
    if seen.evidence is not None:
        found += [f"an exception that its host does not know: {error}" for error in seen.evidence.crashed]
        found += [f"it was not made: {seen.evidence.not_made}"] if seen.evidence.not_made else []
    return found


def _overruns(attempt: Attempt, seen: Seen, allowed: Allowed) -> Iterator[str]:
    evidence, expected = seen.evidence, attempt.expectation
    if evidence is None:
        yield f"the host did not come back within {seen.seconds:.0f} s"
        return
    for timed in evidence.timed:
        if timed.seconds > timed.allowed + WALL_SLACK_SECONDS:
            yield f"{timed.what} took {timed.seconds:.2f} s, {timed.allowed:g} were allowed"
    if seen.memory_bytes > (limit := max(evidence.allowed_bytes, allowed.memory_bytes)) + MEMORY_SLACK_BYTES:
        yield f"{seen.memory_bytes / 1e6:,.0f} MB were held, {limit / 1e6:,.0f} were allowed"
    if evidence.output_chars > allowed.output_chars + OUTPUT_SLACK_CHARS:
        yield f"{evidence.output_chars:,} characters came out, {allowed.output_chars:,} were allowed"
    if evidence.calls > (calls := expected.calls if expected.calls is not None else allowed.host_calls):
        yield f"{evidence.calls} calls reached the host, {calls} were allowed"
    if evidence.leftover:
        yield f"{evidence.leftover} processes outlived the session"
    if evidence.lag_seconds > LAG_SECONDS:
        yield f"the host's event loop stood still for {evidence.lag_seconds:.2f} s"
    if expected.error and evidence.error is None and not evidence.refused:
        yield "the last cell ended without an error"
