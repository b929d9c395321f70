"""A conversation read back: which question, how far its cells have come, and what went wrong last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol import Message

FIRST_LINE = "You answer a question about a context by writing Python cells for a REPL."
FAULT_LINE = "[simulated fault: "
"""How the second line of a reply with an injected fault begins."""
_HEAD = re.compile(r"Question:\n(.*?)\n\nContext: ([\d,]+) characters?, ([\d,]+) documents?\.\n", re.DOTALL)
# Printed by the policy's own cells. Nothing else in their output begins a line: samples of the context are printed as repr.
_MARK = re.compile(r"^\[next stage: (\d{1,3})\]$", re.MULTILINE)
_REFUSED = re.compile(r"^Refused: (.*)$", re.MULTILINE)
_LAST_STEP = "This is the last step"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """Where a run stands, as far as its messages tell."""

    question: str
    num_chars: int = 0
    num_documents: int = 0
    replies: int = 0
    """Of the model, so far."""
    stage: int = 1
    """The stage that comes next, 1 at the beginning."""
    stale: int = 0
    """Replies since the last one that got a stage done, injected faults left out."""
    refused: str | None = None
    """Why the last answer was not taken."""
    recovering: bool = False
    """The last reply had an injected fault."""
    last_step: bool = False


def read(messages: Sequence[Message]) -> Conversation | None:
    """The conversation in `messages`; None if they are a sub-call's."""
    if len(messages) < 2 or not messages[0].content.startswith(FIRST_LINE):
        return None
    later, last = messages[2:], messages[-1].content
    question, num_chars, num_documents = _first(messages[1].content)
    stage, stale = _progress(later)
    replies = [message for message in later if message.role == "assistant"]
    return Conversation(
        question=question,
        num_chars=num_chars,
        num_documents=num_documents,
        replies=len(replies),
        stage=stage,
        stale=stale,
        refused=_refusal(last) if replies else None,
        recovering=bool(replies) and _faulty(replies[-1]),
        last_step=_announced(last),
    )


def _first(message: str) -> tuple[str, int, int]:
    head = _HEAD.match(message)
    if head is None:
        return message.removeprefix("Question:\n").strip(), 0, 0
    return head[1].strip(), _count(head[2]), _count(head[3])


def _refusal(message: str) -> str | None:
    found = _REFUSED.search(message)
    return found[1] if found else None


def _progress(messages: Sequence[Message]) -> tuple[int, int]:
    stale = 0
    for message in reversed(messages):
        if message.role == "assistant":
            stale += not _faulty(message)
        elif marks := _MARK.findall(message.content):
            return int(marks[-1]), stale
    return 1, stale


def _announced(message: str) -> bool:
    # Only at the very end: anywhere else it may be the context that says so.
    return any(line.startswith(_LAST_STEP) for line in message.rstrip().rsplit("\n", 2)[-2:])


def _faulty(message: Message) -> bool:
    return message.content.partition("\n")[2].startswith(FAULT_LINE)


def _count(digits: str) -> int:
    return int(digits.replace(",", "")[:18])
