"""Frozen trace events: the only log format. What streams live, what the JSONL trace holds, what a viewer reads.

Every event names the run that it belongs to, the depth of that run (0 is the root) and its time. Texts are as
the model or the guest wrote them: whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from .unseen import json_escaped

SUBCALL_ROLES = frozenset({"subcall", "repair"})
"""Roles of the calls that cells ask for, as `ModelAsked` has them."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """What all events have."""

    run_id: str
    """The run, or child run, that did this. A child's id is its parent's plus `/` and a number."""
    depth: int = 0
    at: float = 0.0
    """Unix time in seconds."""


class RunStarted(Event, frozen=True, kw_only=True, tag="run_started"):
    """A run or child run began."""

    question: str
    model: str
    sandbox: str
    layers: dict[str, str]
    """Each wall and layer of the root's worker: `on`, or why not. A child's are in its `session_opened`."""
    weak_isolation: bool = False
    context_chars: int = 0
    context_documents: int = 0


class SessionOpened(Event, frozen=True, kw_only=True, tag="session_opened"):
    """A run has its session: the root's from its beginning on, a child's while its model is asked for the first time."""

    sandbox: str
    layers: dict[str, str]
    """Each wall and layer of this very worker as it really is: `on`, or why not."""
    cells_again: int = 0
    """Cells that were run again in it, with the answers on record, to bring it to where the run was."""
    skipped: tuple[str, ...] = ()
    """States on record that could not be used for that, and why."""


class ModelAsked(Event, frozen=True, kw_only=True, tag="model_asked"):
    """A call of a model is about to be made."""

    call_id: str
    """Stable: run, step and index; the same when the run is replayed."""
    role: str
    """What for: `root_call`, `sub_root_call` (a child's own loop), `subcall` (made by a cell), `repair` (of such a call's JSON),
    `final_call` (an answer once the steps are used up), `verifier`, `engineer` (a brief), `compaction`, `baseline_call` (without a loop),
    or `probe` (whether it can reply in a form)."""
    step: int
    model: str
    repeated: bool = False
    """The run was cut off while such a call was under way, or about to be: it may have been made, and paid for, before."""


class ModelAnswered(Event, frozen=True, kw_only=True, tag="model_answered"):
    """That call ended."""

    call_id: str
    role: str
    step: int
    model: str
    text: str = ""
    source: str = "call"
    """`call`; or where the answer was found instead: `cache`, `flight` for an equal call that was on its way, or `journal` in a run
    that was resumed or is replayed."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    error: str | None = None
    """One line, None where it went well."""


class CellStarted(Event, frozen=True, kw_only=True, tag="cell_started"):
    """A cell is about to run."""

    step: int
    index: int
    """Of the cell within its reply, from 0."""
    code: str


class CellEnded(Event, frozen=True, kw_only=True, tag="cell_ended"):
    """A cell ran, failed or was stopped by a limit."""

    step: int
    index: int
    stdout: str = ""
    value_preview: str | None = None
    error: str | None = None
    """`Kind: message (line n)`, None where it went well."""
    limit: str | None = None
    state: str = "kept"
    changed: tuple[str, ...] = ()
    wall_seconds: float = 0.0
    host_calls: int = 0
    near_calls: int = 0


class ToolCalled(Event, frozen=True, kw_only=True, tag="tool_called"):
    """A cell called a custom tool, and it answered or failed."""

    step: int
    name: str
    seconds: float = 0.0
    error: str | None = None
    """One line, None where it went well."""


class FileChanged(Event, frozen=True, kw_only=True, tag="file_changed"):
    """A cell changed a virtual file."""

    step: int
    how: str
    """`write`, `append` or `delete`."""
    path: str
    size: int = 0
    """Bytes that were written."""


class Branched(Event, frozen=True, kw_only=True, tag="branched"):
    """A cell did something with checkpoints, forks or a strategy."""

    step: int
    act: str
    """By the name that cells use, such as `fork.create`."""
    name: str = ""
    """Of the checkpoint or fork."""
    error: str | None = None
    """One line, where a cell that ran in a fork failed."""


class Refused(Event, frozen=True, kw_only=True, tag="refused"):
    """A guard refused a final answer or a reply, and told the model why."""

    step: int
    reason: str


class SpentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one role, model and depth used."""

    role: str
    model: str
    depth: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


class RunEnded(Event, frozen=True, kw_only=True, tag="run_ended"):
    """The run ended, with or without an answer."""

    success: bool
    answer: str
    value: Any = None
    """A `Value`; not typed as one, since JSON cannot tell str from bytes: bytes come back from a trace as base64 text.

    `nan` and the infinities come back as None.
    """
    error: str | None = None
    ending: str = ""
    """Where the value came from: `final`, `auto_variable`, `forced_final`, `last_output`, `failed` or `budget`."""
    steps: int = 0
    subcalls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    spent: tuple[SpentRow, ...] = ()
    """What the tokens went to; adds up to the totals."""
    seconds: float = 0.0
    cache_error: str | None = None
    """One line: the last failure of the tree's cache so far, which costs calls and no answer. None where it had none."""


_OfCells = CellStarted | CellEnded | ToolCalled | FileChanged | Branched
AnyEvent = RunStarted | SessionOpened | ModelAsked | ModelAnswered | _OfCells | Refused | RunEnded

_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder()


def to_jsonl(event: Event) -> bytes:
    """One line of JSON, its newline included. Nothing in it acts on a terminal or hides, and nobody takes it for two lines."""
    line: bytes = _ENCODER.encode(event)
    if not line.isascii() or b"\x7f" in line:
        line = json_escaped(line.decode()).encode()
    return line + b"\n"


def from_jsonl(data: bytes) -> Iterator[AnyEvent]:
    """The events of a JSONL trace.

    Raises:
        ValueError: a line is not an event; the message names the line's number.
    """
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                yield _DECODER.decode(line)
            except msgspec.DecodeError as error:
                raise ValueError(f"line {number} of the trace is not an event: {error}") from error


class Trace:
    """The events of one run, in order."""

    __slots__ = ("events",)
    schema: ClassVar[str] = "cellblock-trace-1"

    def __init__(self, events: tuple[AnyEvent, ...] = ()) -> None:
        self.events = events

    def __repr__(self) -> str:
        return f"<Trace: {len(self.events)} events>"

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[AnyEvent]:
        return iter(self.events)

    def to_jsonl(self) -> bytes:
        """All events, a line each."""
        return b"".join(map(to_jsonl, self.events))

    @classmethod
    def from_jsonl(cls, data: bytes) -> Trace:
        """The trace that `to_jsonl` wrote.

        Raises:
            ValueError: a line is not an event.
        """
        return cls(tuple(from_jsonl(data)))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain dicts, for JSON."""
        return [msgspec.to_builtins(event) for event in self.events]
