"""A conversation read back: which question, how far its cells have come, and what went wrong last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol import Message

QUESTION = "Question:\n"
"""How the first user message of every run begins, whatever its system message says."""
FAULT_LINE = "[simulated fault: "
"""How the second line of a reply with an injected fault begins."""
_HEAD = re.compile(r"Question:\n(.*?)\n\nContext: ([\d,]+) characters?, ([\d,]+) documents?\.\n", re.DOTALL)
# Printed by the policy's own cells. Nothing else in their output begins a line: samples of the context are printed as repr.
_MARK = re.compile(r"^\[next stage: (\d{1,3})\]$", re.MULTILINE)
_OUTPUT = re.compile(
    r"^Output of cell \d+:\n(.*?)(?=\n\n(?:Output of cell \d|Refused: |Write the next|This is the last|All steps are|These cells gave"
    r"|The other \d|\[simulated)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_REFUSED = re.compile(r"^Refused: (.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"^Put the final answer into the variable (\w+):", re.MULTILINE)
_SUMMARY = re.compile(r"\n\nSummary of the first \d+ turns of this conversation:\n")
_LAST_STEP = "This is the last step"
_LAST_CALL = "All steps are used up"
_FENCE = "```repl\n"


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
    fault: str | None = None
    """What the last reply had injected."""
    looked: bool = False
    """A cell has run, and its output is there to be read."""
    last_cell: str = ""
    """Of the last reply; empty if it had none."""
    variable: str | None = None
    """Where the prompt wants the final answer put."""
    last_step: bool = False
    used_up: bool = False
    """Nothing but an answer is wanted any more."""
    outputs: tuple[str, ...] = ()
    """Of the cells, where `used_up`."""


def read(messages: Sequence[Message]) -> Conversation | None:
    """The conversation in `messages`; None if they are a sub-call's."""
    if len(messages) < 2 or messages[1].role != "user" or not messages[1].content.startswith(QUESTION):
        return None
    later, last = messages[2:], messages[-1].content
    question, num_chars, num_documents = _first(messages[1].content)
    stage, stale = _progress(later)
    replies = [message.content for message in later if message.role == "assistant"]
    told = [message.content for message in later if message.role == "user"]
    used_up = bool(replies) and last.rstrip().rpartition("\n")[2].startswith(_LAST_CALL)
    wanted = _VARIABLE.search(messages[0].content)
    return Conversation(
        question=question,
        num_chars=num_chars,
        num_documents=num_documents,
        replies=len(replies),
        stage=stage or _summed_up(messages[1].content),
        stale=stale,
        refused=_refusal(last) if replies else None,
        fault=_fault(replies[-1]) if replies else None,
        looked=any("Output of cell " in content for content in told),
        last_cell=_cell(replies[-1]) if replies else "",
        variable=wanted and wanted[1],
        last_step=_announced(last),
        used_up=used_up,
        outputs=outputs("\n\n".join(told)) if used_up else (),
    )


def outputs(record: str) -> tuple[str, ...]:
    """What cells have printed, taken out of a record of messages."""
    return tuple(_OUTPUT.findall(record))


def last_mark(text: str) -> int | None:
    """The stage that the last mark in `text` names."""
    marks = _MARK.findall(text)
    return int(marks[-1]) if marks else None


def _first(message: str) -> tuple[str, int, int]:
    head = _HEAD.match(message)
    if head is None:
        return message.removeprefix(QUESTION).strip(), 0, 0
    return head[1].strip(), _count(head[2]), _count(head[3])


def _refusal(message: str) -> str | None:
    found = _REFUSED.search(message)
    return found[1] if found else None


def _progress(messages: Sequence[Message]) -> tuple[int | None, int]:
    stale = 0
    for message in reversed(messages):
        if message.role == "assistant":
            stale += _fault(message.content) is None
        elif (mark := last_mark(message.content)) is not None:
            return mark, stale
    return None, stale


def _summed_up(first: str) -> int:
    """The stage that a summary of older turns names; the first one without a summary."""
    *_, rest = _SUMMARY.split(first)
    return (last_mark(rest) or 1) if rest != first else 1


def _announced(message: str) -> bool:
    # Only at the very end: anywhere else it may be the context that says so.
    return any(line.startswith(_LAST_STEP) for line in message.rstrip().rsplit("\n", 2)[-2:])


def _fault(reply: str) -> str | None:
    second = reply.partition("\n")[2].partition("\n")[0]
    return second[len(FAULT_LINE) :].rstrip("]") if second.startswith(FAULT_LINE) else None


def _cell(reply: str) -> str:
    return reply.partition(_FENCE)[2].rpartition("```")[0]


def _count(digits: str) -> int:
    return int(digits.replace(",", "")[:18])
