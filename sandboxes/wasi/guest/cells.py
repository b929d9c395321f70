"""The session inside the guest: one namespace, one cell after the other."""

from __future__ import annotations

import builtins
import contextlib
import gc
import io
import random
import sys
import types
from types import TracebackType
from typing import Any

from names import far_function, group_object, guest_names, offered, plain, show
from virtual_files import Files
from wasi.guest import bridge
from wasi.guest.bridge import CellTimeout, State, call
from wasi.guest.modules import PREIMPORTED
from wasi.values import DONE, VALUE, pack, sendable

FAILED, INTERRUPTED, NO_MEMORY = "failed", "interrupted", "memory"
"""How a cell ended, where it did not end well."""
MESSAGE_CHARS = 4_000
_ARGS, _TRACEBACK = BaseException.__dict__["args"], BaseException.__dict__["__traceback__"]
_NAME = type.__dict__["__name__"]
RESERVE_BYTES = 2 * 2**20
"""Let go when memory runs out, so that the report can be made."""


class Printed(io.TextIOBase):
    """Standard output and error of cells."""

    encoding = "utf-8"

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Take text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        bridge.write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing: text leaves in order, and in time."""


class Session:
    """The one session of this guest."""

    def __init__(self) -> None:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.names = module.__dict__
        self.names |= guest_names(call, self.names) | {name: sys.modules[name] for name in PREIMPORTED}
        self.names |= {"_cb_show": _shown, "__builtins__": builtins}
        self.ours: dict[str, Any] = dict(self.names)
        self.far: dict[str, tuple[tuple[str, ...], Any]] = {}
        self.files = Files(call)
        self.cells = 0
        self.stdout = Printed()
        self._text_name = ""
        self.reserve = [bytearray(RESERVE_BYTES)]

    def open(self, far: list[str], inputs: dict[str, Any], seed: int | None) -> None:
        """Begin a session, or take up one that was dumped; then there is no seed.

        A name of ours that cells have bound anew stays theirs.
        """
        self.files.offer(far)
        wanted = offered(far)
        for name in [name for name, (methods, _) in self.far.items() if wanted.get(name) != methods]:
            self._unbind(name, self.far.pop(name)[1])
        for name, methods in wanted.items():
            if name not in self.far:
                bound = group_object(name, methods, self._method) if methods else far_function(call, name)
                self.far[name] = methods, bound
                self._bind_ours(name, bound)
        for name, value in inputs.items():
            self._bind_ours(name, value)
        if seed is not None:
            random.seed(seed)

    def _method(self, name: str) -> Any:
        """A far function of a group: it finds everything written that the cell has written so far."""
        function = far_function(call, name)

        def method(*args: Any, **kwargs: Any) -> Any:
            self.files.save_all()
            return function(*args, **kwargs)

        return method

    def _bind_ours(self, name: str, value: Any) -> None:
        if name not in self.names or self.names[name] is self.ours.get(name):
            self.names[name] = self.ours[name] = value

    def _unbind(self, name: str, value: Any) -> None:
        self.ours.pop(name, None)
        if name in self.names and self.names[name] is value:
            del self.names[name]

    def next_text(self, name: str) -> None:
        """Which variable the next text becomes."""
        self._text_name = name

    def take_text(self, text: str) -> None:
        """Bind a text that came as it is: the whole context, perhaps."""
        self.names[self._text_name] = text

    def bound(self) -> list[str]:
        """Names that cells have bound."""
        ours = self.ours
        return [name for name, value in self.names.items() if not (name in ours and ours[name] is value) and not _hidden(name)]

    def value(self, name: str) -> Any:
        """A variable as plain data.

        Raises:
            LookupError, TypeError, ValueError: there is none, or it cannot cross.
        """
        if name not in self.names or _hidden(name):
            raise LookupError(f"no variable named {name[:100]!r}")
        return plain(self.names[name])

    def run(self, code: str, shows: bool) -> tuple[int, str]:
        """Run one cell. Returns the report: how it ended, preview, error, what is left to print."""
        self.cells += 1
        filename = f"<cell {self.cells}>"
        State.shown = None
        sys.stdout = sys.stderr = self.stdout
        ended, error = None, None
        try:
            try:
                State.in_cell = True
                self._execute(code, filename)
            finally:
                State.in_cell = False
        except BaseException as raised:  # noqa: BLE001 - whatever a cell raises is the cell's
            ended = self._kind_of_end(raised)
            error = _described(raised, filename)
            if error is None:
                ended = INTERRUPTED
        sys.stdout = sys.stderr = self.stdout
        shown = State.shown if shows and ended is None else None
        printed = bridge.take_printed()
        if ended is None and not shown and sendable(printed):
            return DONE, printed
        report = pack([ended, shown, error, printed])
        if not self.reserve:
            self._refill()
        return VALUE, report

    def _execute(self, code: str, filename: str) -> None:
        try:
            exec(compile(code, filename, "exec", 0, True), self.names)
        except MemoryError:
            raise
        except Exception:
            with contextlib.suppress(Exception):  # the cell's own error is the one that counts
                self.files.save_all()
            raise
        self.files.save_all()

    def _kind_of_end(self, raised: BaseException) -> str:
        # By type alone, since what else an exception says of itself may be the cell's code.
        kind = type(raised)
        if issubclass(kind, CellTimeout):
            return INTERRUPTED
        if not issubclass(kind, MemoryError):
            return FAILED
        self.reserve.clear()
        text = (*_ARGS.__get__(raised), "")[0]
        # That of a parser which is asked to nest too deep is about the source, not about memory.
        return FAILED if type(text) is str and text.startswith("Parser stack") else NO_MEMORY

    def _refill(self) -> None:
        gc.collect()
        with contextlib.suppress(MemoryError):  # the variables fill everything: the next cell that fails may not be able to say why
            self.reserve.append(bytearray(RESERVE_BYTES))

    def forget(self) -> None:
        """Become as new: what the first cells after the build leave behind is not part of any session."""
        for name in self.bound():
            del self.names[name]
        self.open([], {}, None)
        self._unbind("FILES", self.ours.get("FILES"))
        self.cells = 0
        State.shown = None


def _shown(value: Any) -> str:
    State.shown = text = show(value)
    return text


def _hidden(name: str) -> bool:
    return name.startswith("_cb_") or (name.startswith("__") and name.endswith("__"))


def _described(error: BaseException, filename: str) -> tuple[str, str, int | None] | None:
    """Kind, message and line of an error; None where the interrupt came while it was asked for its text."""
    kind = _NAME.__get__(type(error))
    line = _line(_TRACEBACK.__get__(error), filename)
    try:
        try:
            State.in_cell = True  # str() of an exception is the cell's own code: it may raise, print, or never end
            message, line = _text_of(error, filename, line)
        finally:
            State.in_cell = False
    except CellTimeout:
        return None
    except BaseException as second:  # noqa: BLE001 - as in `run`
        message = f"<{_NAME.__get__(type(second))} in its str()>"
    return kind, message if len(message) <= MESSAGE_CHARS else message[:MESSAGE_CHARS], line


def _text_of(error: BaseException, filename: str, line: int | None) -> tuple[str, int | None]:
    if not issubclass(type(error), SyntaxError):
        return str(error), line
    assert isinstance(error, SyntaxError)
    at = error.lineno if error.filename == filename else line
    return str(error.msg), at if type(at) is int else None


def _line(traceback: TracebackType | None, filename: str) -> int | None:
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
