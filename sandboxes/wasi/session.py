"""What the worker drives: one guest, spoken to in the guest's own few words, and believed in nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interpreter import INTERRUPTED, Dispatch, GuestError, OpenRequest, Outcome, Piece

from . import values as v
from .delta import BadState, Image, StateFile, dump, load
from .imports import HostFunctions
from .instance import GuestLost, GuestRefused, Instance, NoRoom
from .memory import GuestLied
from .values import ERROR, TEXT, VALUE, pack, sendable, unpack

PRINT = "print"
NAMES = 100_000
LONG_TEXT_CHARS = 2**16
"""A longer text that is to be a variable goes in by itself, without packing."""
_CRASHED = ("InterpreterCrashed", "the interpreter crashed on this cell", None)


class WasiInterpreter:
    """One session in one guest, which was instantiated before and has run no cell yet."""

    def __init__(self, instance: Instance, image: Image, memory_bytes: int) -> None:
        self.instance, self.image, self.memory_bytes = instance, image, memory_bytes
        self.host: HostFunctions = instance.host
        self._dispatch: Dispatch = _no_cell
        self._write: Callable[[str], None] = lambda text: None
        instance.host.answer = self._answer

    def open(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        """Begin a session: its clock stands still, its randomness follows from its seed."""
        self.host.state.wall, self.host.state.seed = request.clock, request.seed
        self._ask(v.OPEN, pack([request.far, inputs, request.seed]))

    def load(self, request: OpenRequest, inputs: dict[str, Any], state: memoryview) -> None:
        """Become the session that was dumped; far names, files and clock are the new session's, randomness goes on as it was."""
        file = None if request.state_place is None else StateFile(*request.state_place)
        try:
            self.host.state = load(self.instance.memory, self.image, state, file)
        except BadState as error:
            raise GuestError("ValueError", str(error)) from None
        self.host.state.wall = request.clock
        self._ask(v.OPEN, pack([request.far, inputs, None]))

    def dump(self, *, keeps: bool = False) -> tuple[Sequence[Piece], dict[str, str]]:
        """Everything, as views of the guest's memory: nothing is left out."""
        if not self.instance.at_rest:
            raise GuestError("RuntimeError", "the interpreter crashed; there is no state to save")
        return dump(self.instance.memory, self.image, self.host.state, keeps=keeps), {}

    def names(self) -> list[str]:
        """Names that cells have bound; none once the guest is lost."""
        try:
            found = self.instance.request(v.NAMES)
        except (GuestLost, GuestRefused):
            return []
        if type(found) is not list or len(found) > NAMES:
            return []
        return [name for name in found if type(name) is str]

    def get(self, name: str) -> Any:
        """A variable's value; plain data as far as the guest says, which the wire checks again."""
        try:
            return self._ask(v.GET, pack(name))
        except GuestError as error:
            if error.kind not in ("RuntimeError", "MemoryError"):
                raise
            raise GuestError("RuntimeError", f"{name} cannot be copied out: it is too large, or the interpreter crashed on it") from None

    def run(self, code: str, dispatch: Dispatch, *, inputs: Mapping[str, Any], write: Callable[[str], None], shows: bool) -> Outcome:
        """Run one cell to its end, answering its calls."""
        self._dispatch, self._write = dispatch, write
        try:
            self._bind(inputs)
            return self._outcome(*self.instance.ask(v.SHOWN_CELL if shows else v.CELL, code))
        except NoRoom:
            return self._no_memory(None)
        except GuestRefused as refused:  # no report: there was no memory for one, or the cell broke what makes it
            return self._no_memory(None) if refused.kind == "MemoryError" else self._crashed()
        except (GuestLost, GuestLied):
            return self._crashed()
        finally:
            self._dispatch, self._write = _no_cell, lambda text: None

    def _bind(self, inputs: Mapping[str, Any]) -> None:
        small = {}
        for name, value in inputs.items():
            if type(value) is str and len(value) > LONG_TEXT_CHARS and sendable(value):
                self.instance.request(v.NAME, pack(name))
                self.instance.request(v.LONG_TEXT, value)
            else:
                small[name] = value
        if small:
            self.instance.request(v.BIND, pack(small))

    def _outcome(self, kind: int, text: str) -> Outcome:
        if kind == v.DONE:
            if text:
                self._write(text)
            return Outcome()
        report = self.instance.opened(kind, text)
        if type(report) is not list or len(report) != 4:
            raise GuestLied("a report of another shape")
        ended, preview, error, printed = report
        if type(printed) is not str or not (preview is None or type(preview) is str):
            raise GuestLied("a report of another shape")
        if printed:
            self._write(printed)
        if ended is None:
            return Outcome(preview=preview or None)
        name, message, line = _checked_error(error or ("", "", None))
        if ended == "memory":
            return self._no_memory(line)
        if ended == "interrupted":
            return Outcome(error=("LimitExceeded", "the cell was interrupted", line), limit=INTERRUPTED)
        if ended != "failed":
            raise GuestLied("an end that is none")
        return Outcome(error=(name, message, line))

    def _crashed(self) -> Outcome:
        self.instance.lost = self.instance.lost or "the guest lied"
        return Outcome(error=_CRASHED, lost=True)

    def _no_memory(self, line: int | None) -> Outcome:
        message = f"memory_bytes={self.memory_bytes} exceeded: free what is not needed (del name), or work piece by piece"
        return Outcome(error=("LimitExceeded", message, line), limit="memory_bytes")

    def _ask(self, operation: int, data: str) -> Any:
        try:
            return self.instance.request(operation, data)
        except GuestRefused as refused:
            raise GuestError(refused.kind, refused.message) from None
        except NoRoom:
            raise GuestError("MemoryError", "the interpreter has no room for this value") from None
        except GuestLost:
            raise GuestError("RuntimeError", "the interpreter crashed") from None

    # -- calls from the guest

    def _answer(self, name: str, payload: str) -> tuple[int, str]:
        if name == PRINT:
            self._write(payload)
            return TEXT, ""
        try:
            args, kwargs = unpack(payload)
        except (ValueError, TypeError):
            raise GuestLied("a call with no arguments") from None
        if type(args) is not tuple or type(kwargs) is not dict:
            raise GuestLied("a call with no arguments")
        try:
            value = self._dispatch(name, args, kwargs)
        except GuestError as error:
            return ERROR, pack((error.kind, error.message))
        return self._packed(value)

    def _packed(self, value: Any) -> tuple[int, str]:
        if type(value) is str and sendable(value):
            kind, text = TEXT, value
        else:
            kind, text = VALUE, pack(value)
        if self.instance.room_for(text, len(text)):
            return kind, text
        return ERROR, pack(("MemoryError", f"memory_bytes={self.memory_bytes} has no room for the answer; ask for less at a time"))


def _no_cell(_name: str, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:
    raise GuestError("RuntimeError", "called outside of a cell")


def _checked_error(error: Any) -> tuple[str, str, int | None]:
    if type(error) is not tuple or len(error) != 3:
        raise GuestLied("an error of another shape")
    kind, message, line = error
    if type(kind) is not str or type(message) is not str or not (line is None or type(line) is int):
        raise GuestLied("an error of another shape")
    return kind, message, line
