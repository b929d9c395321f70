"""What the simulated model says where it is not asked for a run's next cell: verdicts, briefs, summaries, direct answers. Fixed rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..protocol import Message
from .plans import plan_for
from .subcalls import NO_ANSWER, from_passage
from .transcript import last_mark, outputs, read

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_KEPT_CHARS = 1_500
"""Of the newest output, in a summary."""


def aside(messages: Sequence[Message]) -> str | None:
    """The answer to one of the engine's own questions; None if this is not one."""
    if len(messages) < 2 or messages[0].role != "system":
        return None
    for opening, rule in _RULES:
        if messages[0].content.startswith(opening):
            return rule(messages)
    return None


def _verdict(messages: Sequence[Message]) -> str:
    """VERIFIED if every number of the answer stands in an output, or, where it has none, its words do. Nothing is worked out."""
    _, _, body = messages[-1].content.partition("\n\nProposed answer:\n")
    answer, _, record = body.partition("\n\nRecord:\n")
    printed = "\n".join(outputs(record))
    wanted = _numbers(answer)
    missing = wanted - _numbers(printed)
    if missing or not answer.strip():
        return f"REJECTED: {min(missing, default='the answer')} stands in no output; work it out in a cell, and print it."
    if not wanted and answer.strip().casefold() not in printed.casefold():
        return "REJECTED: no output says this; find it in the context, and print where it stands."
    return "VERIFIED"


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(_GROUPED.sub("", text)))


def _brief(messages: Sequence[Message]) -> str:
    at = read(messages)
    if at is None:
        return "Nothing is known of this context."
    size = f"The context has {at.num_chars} characters in {at.num_documents} documents."
    return f"{size}\n{plan_for(at).thought(1)}\nPrint samples as repr, so that what the context says does not look like output."


def _summary(messages: Sequence[Message]) -> str:
    turns = messages[-1].content
    # What a cell printed ends where the next reply begins.
    shown = outputs(turns.replace("\n\nReply:\n", "\n\n[simulated"))
    known = shown[-1][-_KEPT_CHARS:] if shown else "no cell has run"
    mark = last_mark(turns)
    return f"So far: {known}" + ("" if mark is None else f"\n[next stage: {mark}]")


def _direct(messages: Sequence[Message]) -> str:
    head, _, context = messages[1].content.partition("\n\nContext:\n")
    found = from_passage(head.partition("\n")[2], context)
    return "The context gave no answer to this question that fixed rules could find." if found == NO_ANSWER else found


_RULES: tuple[tuple[str, Callable[[Sequence[Message]], str]], ...] = (
    ("You check an answer by", _verdict),
    ("You prepare the ground", _brief),
    ("You wrote Python cells", _summary),
    ("Answer the question from the context below it", _direct),
)
"""By how the system message begins."""
