"""Runs cells in this process: one namespace, in which everything that is not the cell's own is a guard or a facade."""

from __future__ import annotations

import builtins
import contextlib
import gc
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from frames import HostGone
from interpreter import INTERRUPTED, Buffer, Dispatch, GuestError, Interrupted, OpenRequest, Outcome
from names import FINALS, answer_taker, group_object, guest_names, offered, plain, show
from restricted import rules
from restricted.builtin_names import builtin_names, hooks
from restricted.classes import Maker, Text, install_module, serials
from restricted.frozen import Frozen
from restricted.known import known_paths
from restricted.modules import Facade, plain_modules
from restricted.own_modules import own_modules
from restricted.policy import compiled
from restricted.saving import Saving
from restricted.screen import Screen
from restricted.texts import without_addresses
from virtual_files import Files

BALLAST_BYTES = 8 * 2**20
"""Given up when memory ran out, so that there is some to say so."""
MESSAGE_CHARS = 4_000
SOURCES_KEPT = 500
"""From so many cells with functions on, those of which nothing is left are forgotten."""
PREIMPORTED = ("re", "json", "math", "collections", "itertools", "functools", "datetime", "time", "random")


_INTERRUPTED = Outcome(error=("LimitExceeded", "interrupted", None), limit=INTERRUPTED)


class RestrictedInterpreter:
    """One session.

    Attributes:
        variables: the globals of all cells.
        ours: what was bound before the first cell.
        wanted: whether the running cell is to be interrupted; the worker knows.
        between_cells: what answers calls while a saved state is loaded.
    """

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.frozen, self.maker = Frozen(), Maker()
        self.screen = Screen(self.variables, self.frozen.moments)
        self.files = Files(self._call)
        self.facades = _facades(self.screen, self.frozen, self.maker, self.files)
        self.items = 0
        self.ours: dict[str, Any] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.inputs: dict[str, Any] = {}
        self.as_given: dict[str, bytes] = {}
        self.sources: dict[str, str] = {}
        self.saving = Saving(self.screen, self.frozen, self.maker, self.sources)
        self.cells, self.sources_kept = 0, SOURCES_KEPT
        self.wanted: Callable[[], bool] = lambda: False
        self.running, self.outside, self.pending = False, 0, False
        self.ballast: bytes | None = None
        self.dispatch: Dispatch = _no_calls
        self.between_cells: Dispatch = _no_calls
        self.write: Callable[[str], None] = _nowhere
        self._prepare()

    def _prepare(self) -> None:
        # Before a session is known, so that a spare worker has it done.
        install_module()
        formatting = self.screen.formatting
        Text.format, Text.format_map = formatting.unbound("format"), formatting.unbound("format_map")  # type: ignore[method-assign]
        names = builtin_names(self.screen, self._print, self.files)
        self.variables |= {"__builtins__": names, "__name__": "__main__", **hooks(self.screen, self.facades, self.maker)}
        self.ours = {
            **guest_names(self._call, self.variables),
            **{name: self._external(name) for name in FINALS},
            "_cb_take_answer": answer_taker(self._external("FINAL"), self.variables),
            "_cb_show": lambda value: without_addresses(show(value), value),
            **{name: self.facades[name] for name in PREIMPORTED},
        }
        self.answer = self.ours.pop("answer")  # data, and saved with the variables
        self.variables |= self.ours

    # -- the session

    def open(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        """Begin a session: seed, clock, names of far functions, first variables."""
        serials.restart()
        self.frozen.begin(request.clock, request.seed)
        self.items = request.caps.items
        self.files.offer(request.far)
        wanted = offered(request.far)
        self.groups = {name: methods for name, methods in wanted.items() if methods}
        self.ours |= {
            name: group_object(name, methods, self._method) if methods else self._external(name) for name, methods in wanted.items()
        }
        self.inputs = {**inputs} if "answer" in self.ours else {"answer": self.answer, **inputs}
        self.variables |= self.ours | self.inputs
        self.as_given = {name: msgspec.msgpack.encode(value) for name, value in inputs.items()}

    def names(self) -> list[str]:
        """Top-level names that cells bound."""
        return [name for name, value in self.variables.items() if self._is_own(name, value)]

    def _is_own(self, name: str, value: object) -> bool:
        ours = name in ("__builtins__", "__name__") or rules.HIDDEN in name
        before = self.ours if name in self.ours else self.inputs
        return not ours and (name not in before or before[name] is not value)

    def get(self, name: str) -> Any:
        """A variable's value, as plain Python data."""
        if name not in self.variables or rules.HIDDEN in name or name.startswith("__"):
            raise GuestError("LookupError", f"no variable named {name[:100]!r}")
        try:
            return self._plain(self.variables[name])
        except HostGone:
            raise
        except BaseException as error:  # noqa: BLE001 - a cell's own methods answer here
            raise GuestError(*_said(error)) from None

    def dump(self, *, keeps: bool = False) -> tuple[Sequence[Buffer], dict[str, str]]:
        """The whole state between cells, in pieces, and what is not in it."""
        changed = [name for name in self.inputs if not self._is_as_given(name)]
        own = {name: self.variables[name] for name in (*changed, *self.names()) if name in self.variables}
        gone = [name for name in (*self.ours, *self.inputs) if name not in self.variables]
        return self.saving.save(own, gone, self.cells, self._paths())

    def _is_as_given(self, name: str) -> bool:
        value, given = self.variables.get(name), self.as_given.get(name)
        if given is None or type(value) is not type(self.inputs[name]):
            return False
        try:
            # Not by ==, which a cell's own objects in it would answer.
            return msgspec.msgpack.encode(value) == given
        except (TypeError, ValueError, OverflowError, RecursionError):
            return False

    def load(self, request: OpenRequest, inputs: dict[str, Any], state: memoryview) -> None:
        """Become the session that `dump` saved."""
        self.open(request, inputs)
        self.dispatch = self.between_cells  # a class statement that is run again may have asked for the length of the context
        try:
            self.cells = self.saving.restore(state, self.variables, self._paths())
        except HostGone:
            raise
        except BaseException as error:  # noqa: BLE001 - the state is hostile, and its class statements are a cell's
            text = ": ".join(_said(error)).replace("\n", " ")
            raise GuestError("ValueError", f"the saved state cannot be loaded: {text[:500]}") from None
        finally:
            self.dispatch = _no_calls
        # What was given is given again, and may be another one now; where cells have changed theirs, that one counts.
        self.inputs = {name: self.variables.get(name) for name in self.inputs}

    def _paths(self) -> dict[str, Any]:
        return known_paths(self.facades, self.variables["__builtins__"], self.ours, self.groups)

    # -- one cell

    def run(self, code: str, dispatch: Dispatch, *, inputs: Mapping[str, Any], write: Callable[[str], None], shows: bool) -> Outcome:
        """Run one cell with `inputs` bound first; `dispatch` answers its calls, `write` takes what it prints."""
        self.cells += 1
        self.dispatch, self.write, self.pending, self.outside = dispatch, write, False, 0
        filename = f"<cell {self.cells}>"
        try:
            if self.ballast is None:
                with contextlib.suppress(MemoryError):  # the last one is what this cell has to drop something with
                    self.ballast = bytes(BALLAST_BYTES)  # of zeros that nobody touches: it takes address space, and no memory
            self.variables.update(inputs)
            self.running = True
            try:
                return self._bounded(code, filename, shows)
            finally:
                self.running = False
        except MemoryError:
            return self._out_of_memory()
        except Interrupted:
            return _INTERRUPTED
        finally:
            self.dispatch, self.write = _no_calls, _nowhere
            for name in (rules.BASE, rules.VALUE):  # of a statement that did not come to its end
                self.variables.pop(name, None)

    def _bounded(self, code: str, filename: str, shows: bool) -> Outcome:
        # The frames are let go of here, while the cell may still be interrupted: generators in them run their last clauses.
        try:
            return self._run(code, filename, shows)
        except MemoryError as error:
            outcome = self._out_of_memory()
            error.__traceback__ = error.__context__ = None
            return outcome
        except Interrupted as error:
            error.__traceback__ = error.__context__ = None
            return _INTERRUPTED

    def _out_of_memory(self) -> Outcome:
        self.ballast = None
        return Outcome(error=("LimitExceeded", "memory_bytes exceeded; the variables are kept: drop some", None), limit="memory_bytes")

    def _run(self, code: str, filename: str, shows: bool) -> Outcome:
        try:
            statements, value = compiled(code, filename)
            if any(type(constant) is types.CodeType for part in (statements, value) if part for constant in part.co_consts):
                self._remember(filename, code)
            exec(statements, self.variables)
            result = eval(value, self.variables) if value is not None else None
            self.files.save_all()
            return Outcome(preview=str.__str__(result) if shows and result and isinstance(result, str) else None)
        except (Interrupted, MemoryError, HostGone):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a cell raises is its result
            said, line = _said(error), _line(error, filename)
            with contextlib.suppress(Exception):  # the cell's own error is the one that counts
                self.files.save_all()
            return Outcome(error=(*said, line))

    def _remember(self, filename: str, code: str) -> None:
        """Keep the source of a cell while a function or a class of it is there: it is what they are saved as."""
        self.sources[filename] = code
        if len(self.sources) > self.sources_kept:
            living = {value.__code__.co_filename for value in gc.get_objects() if type(value) is types.FunctionType}
            living |= {filename, *(origin.filename for origin in self.maker.origins.values())}
            for name in [name for name in self.sources if name not in living]:
                del self.sources[name]
            self.sources_kept = max(SOURCES_KEPT, 2 * len(self.sources))

    def interrupt(self, *_signal: object) -> None:
        """The host's signal: stop the cell, at once or when the call that it made is answered."""
        if self.running and self.wanted():
            if not self.outside:
                raise Interrupted
            self.pending = True

    # -- what cells call

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = tuple(map(self._plain, args)), {key: self._plain(value) for key, value in kwargs.items()}
        return self._outside(lambda: self.dispatch(name, args, kwargs))

    def _external(self, name: str) -> Callable[..., Any]:
        def external(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        external.__name__ = external.__qualname__ = name
        return external

    def _method(self, name: str) -> Callable[..., Any]:
        """An external of a group: it finds everything written that the cell has written so far."""

        def method(*args: Any, **kwargs: Any) -> Any:
            self.files.save_all()
            return self._call(name, args, kwargs)

        return method

    def _plain(self, value: Any) -> Any:
        """What crosses. A list of lists that are one and the same may be more than there is memory for: it is measured first."""
        waiting, seen = [value], 0
        while waiting:
            item, seen = waiting.pop(), seen + 1
            if seen > self.items:
                raise ValueError(f"more than {self.items:,} items; send less, or join them into one text")
            kind = type(item)
            if kind is list or kind is tuple:
                waiting += item
            elif kind is dict:
                waiting += item.values()
        return plain(value)

    def _print(self, text: str) -> None:
        self._outside(lambda: self.write(text))

    def _outside(self, action: Callable[[], Any]) -> Any:
        """Do what must not be left half done: no interrupt rises in it, but one does afterwards."""
        self.outside += 1
        result = raised = None
        try:
            result = action()
        except GuestError as error:
            raised = _raised(error)
        finally:
            self.outside -= 1
        if self.pending:
            self.pending = False
            raise Interrupted
        if raised is not None:
            raise raised
        return result


def _facades(screen: Screen, frozen: Frozen, maker: Maker, files: Files) -> dict[str, Facade]:
    contents = plain_modules()
    for name, members in own_modules(screen, frozen, maker, files).items():
        contents[name] = contents.get(name, {}) | members
    facades = {name: Facade(name, members) for name, members in contents.items() if "." not in name}
    for name, members in contents.items():
        if "." in name:
            parent, _, last = name.partition(".")
            facades[name] = vars(facades[parent])[last] = Facade(name, members)
    for members in contents.values():
        screen.classes.update(value for value in members.values() if isinstance(value, type))
    return facades


def _said(error: BaseException) -> tuple[str, str]:
    """An exception's kind and its bounded text; making it may run a cell's code."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return kind if type(error).__module__ == "builtins" else "SyntaxError", str(error.msg)[:MESSAGE_CHARS]
    try:
        text = str.__str__(str(error))
    except (Interrupted, MemoryError, HostGone):
        raise
    except BaseException as second:  # noqa: BLE001 - a cell's own __str__
        text = f"<its text cannot be made: {type(second).__name__}>"
    return kind, text[:MESSAGE_CHARS]


def _line(error: BaseException, filename: str) -> int | None:
    """The deepest line of this cell that the exception came through."""
    if isinstance(error, SyntaxError) and error.__traceback__ is not None and error.filename in (None, filename):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _raised(error: GuestError) -> Exception:
    kind = getattr(builtins, error.kind, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, (UnicodeError, ExceptionGroup)):
        return kind(error.message)
    return RuntimeError(f"{error.kind}: {error.message}")


def _no_calls(_name: str, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:
    raise GuestError("RuntimeError", "there is no one to answer outside of a cell")


def _nowhere(_text: str) -> None:
    return
