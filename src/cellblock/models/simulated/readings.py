"""What is known of a plan's answer besides its cells: the variable that holds it, where outputs show it, what a careless reader guesses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .plans import Plan

_NEEDLES = re.compile(r"(\d+) distinct values; the first: \[(.*)\]$", re.MULTILINE)
_LINES = re.compile(r"places in (\d+) lines$|; (\d+) lines so far$", re.MULTILINE)
_BALANCE = re.compile(r"; balance (-?\d+\.\d+)$", re.MULTILINE)
_COUNTED = re.compile(r"[(\[]'([^']*)', (\d+)[)\]]")
_ANSWERS = re.compile(r"^the first: '(.*)'$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Of one kind of plan."""

    variable: str
    """Holds the answer, or what it is made of, as soon as the last stage is due."""
    guess: Callable[[Plan], str]
    """From the question alone."""
    shown: Callable[[Plan, str], str | None]
    """From the text of the outputs; None if it is not in there."""


def answer_shown(plan: Plan, stage: int, outputs: Sequence[str]) -> str | None:
    """The answer as the outputs of a run show it; None if its work is not done, or they do not."""
    return READINGS[plan.kind].shown(plan, "\n".join(outputs)) if stage == len(plan.stages) else None


def _needles(_: Plan, text: str) -> str | None:
    found = _NEEDLES.findall(text)
    if not found:
        return None
    values = [str(value).strip(" '\"") for value in found[-1][1].split(",")]
    # The first five alone are printed.
    return ", ".join(values) if len(values) == int(found[-1][0]) else None


def _lines(_: Plan, text: str) -> str | None:
    found = _LINES.findall(text)
    return str(found[-1][0] or found[-1][1]) if found else None


def _ledger(_: Plan, text: str) -> str | None:
    found = _BALANCE.findall(text)
    return str(found[-1]) if found else None


def _labels(plan: Plan, text: str) -> str | None:
    counts = {label: int(count) for label, count in _COUNTED.findall(text)}
    wanted = str(plan.values["wanted"])
    if wanted.startswith("count of "):
        count = counts.get(wanted.removeprefix("count of "))
        return None if count is None else str(count)
    if not counts:
        return None
    return str((min if wanted == "least" else max)(counts, key=lambda label: counts[label]))


def _passage(_: Plan, text: str) -> str | None:
    found = _ANSWERS.findall(text)
    return str(found[-1]) if found else None


def _first_label(plan: Plan) -> str:
    labels = plan.values["labels"]
    return "10" if str(plan.values["wanted"]).startswith("count of ") or not isinstance(labels, list) else str(labels[0])


READINGS: dict[str, Reading] = {
    "needles": Reading(variable="numbers", guess=lambda _: "42", shown=_needles),
    "lines": Reading(variable="count", guess=lambda _: "7", shown=_lines),
    "labels": Reading(variable="counts", guess=_first_label, shown=_labels),
    "ledger": Reading(variable="balance", guess=lambda _: "100.00", shown=_ledger),
    "deprecations": Reading(variable="advice", guess=lambda _: "asyncio", shown=lambda _, __: None),
    "unknown": Reading(variable="answers", guess=lambda _: "It does not say.", shown=_passage),
}
"""By the kind of plan."""
