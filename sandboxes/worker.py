"""What every sandbox's worker does: answer the host's frames, serve near externals, forward far ones.

The interpreter behind it differs from sandbox to sandbox; see `Interpreter`. All of this runs inside the jail, and
the host treats every byte that it writes as hostile.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import msgspec

from advice import Advice, advised
from frames import HostGone, Wire
from given import ANSWER, CALLS, DROP, TAKE, Given, refused
from interpreter import GuestError, Interpreter, Movable, OpenRequest, Outcome, Piece
from names import called
from near import TOP_LEVEL, NearContext, near_functions
from printed import Printed
from proxy import CellRefused, SessionNames, rewrite

MESSAGE_CHARS = 3_600
"""Of an error, before its advice."""
LEFT_OUT_NAMES = 200
MARK_CHARS = 1_000
_HEAD_BYTES = 4
NEAR_ERRORS = (ValueError, TypeError, IndexError, KeyError, LookupError, OverflowError)


def warm() -> None:
    """Do once, before workers are forked, what is slow the first time."""
    caps = {"total_bytes": 0, "items": 0, "depth": 0, "digits": 0}
    numbers = {"mail_bytes": 0, "seed": 0, "clock": 0.0}
    msgspec.convert({"far": [], "caps": caps, **numbers, "has_context": False, "state_bytes": None}, OpenRequest)
    msgspec.msgpack.decode(msgspec.msgpack.encode((SessionNames(), set[str](), "")), type=tuple[SessionNames, set[str], str])
    rewrite("x = ctx.find('a')\nf'{len(P)}'", SessionNames())


@dataclass
class _Cell:
    """What is remembered while one cell runs."""

    id: int
    printed: Printed
    bound: tuple[str, ...] = ()
    """Top-level names that it may bind."""
    calls: int = 0
    near_calls: int = 0
    given: Given = field(default_factory=Given)


def _write(fd: int, allowed: int, pieces: Sequence[Piece]) -> int:
    size = sum(len(piece) for piece in pieces)
    if size > allowed:
        raise ValueError(f"the state takes {size:,} bytes; {allowed:,} are allowed")
    # Mapped, since a worker may not write files: no rlimit counts what a map of a memory file holds, so the host has set its size.
    with mmap.mmap(fd, size) as view:
        offset = 0
        for piece in pieces:
            view[offset : offset + len(piece)] = piece.view if isinstance(piece, Movable) else piece
            if isinstance(piece, Movable):  # at once: the whole state is never there twice
                piece.move(fd, offset)
            offset += len(piece)
    return size


def _next_page(offset: int) -> int:
    return -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE


class Worker:
    """One session's life: hello, open, then one request after the other."""

    def __init__(self, connection: socket.socket, interpreter: Interpreter, advice: Sequence[Advice] = ()) -> None:
        self.connection, self.wire, self.interpreter, self.advice = connection, Wire(connection.fileno()), interpreter, advice
        self.names = SessionNames()
        self.bound: set[str] = set()
        self.near: dict[str, Callable[..., Any]] = {"_cb_names": self._known_names}
        self.far: frozenset[str] = frozenset()
        self.cell: _Cell | None = None
        self.handlers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "get": self._get,
            "set": self._set,
            "checkpoint": self._checkpoint,
        }

    def serve(self, layers: dict[str, str]) -> NoReturn:
        """Answer the host until it hangs up."""
        try:
            self.wire.send({"t": "hello", "layers": layers})
            self._open()
            while True:
                self._answer(self.wire.receive())
        except HostGone:
            os._exit(0)

    def _known_names(self) -> list[str]:
        return sorted(self.bound.union(self.cell.bound if self.cell is not None else ()))

    def interrupt_wanted(self) -> bool:
        """Whether the cell that runs now is the one that the host wants interrupted. A late signal finds another, or none."""
        cell = self.cell
        return cell is not None and self.wire.to_interrupt() == cell.id

    def _answer(self, frame: dict[str, Any]) -> None:
        if frame["t"] == "exec":
            self._exec(frame)
            return
        packer = self.wire.packer()
        answer = {"t": "answer", "id": frame["id"], "value": None, "error": None}
        try:
            if frame["t"] == "fork":
                if self._fork():
                    return
            else:
                answer["value"] = packer.pack(self.handlers[frame["t"]](frame))
        except GuestError as error:
            answer["error"] = (error.kind, error.message)
        except CellRefused as error:
            answer["error"] = ("TypeError", error.message)
        except (TypeError, ValueError) as error:
            answer["error"] = (type(error).__name__, str(error))
        except OSError as error:
            answer["error"] = ("RuntimeError", error.strerror or "refused")
        except MemoryError:
            answer["error"] = ("ValueError", "the worker ran out of memory; raise memory_bytes, or keep less")
        self.wire.send(answer)

    # -- requests

    def _open(self) -> None:
        head, fds, _, _ = socket.recv_fds(self.connection, 1, 3)
        if not head:
            raise HostGone
        request = msgspec.convert(self.wire.receive(), OpenRequest)
        self.wire.attach(fds.pop(0), request.mail_bytes, request.caps)
        inputs: dict[str, Any] = {}
        if request.has_context:
            context = NearContext(fds.pop(0))
            self.near |= near_functions(context)
            inputs["FILES"] = context.files()
        self.far = frozenset(request.far)
        opened: dict[str, Any] = {"t": "opened"}
        try:
            self._begin(request, inputs, fds)
        except GuestError as error:
            opened["error"] = self._sendable(error.message)
        self.wire.send(opened)

    def _fork(self) -> bool:
        """Copy this process; the kernel asks the host first. True in the copy, which says hello on a socket of its own."""
        _, (connection,), _, _ = socket.recv_fds(self.connection, 1, 1)
        try:
            is_copy = os.fork() == 0
        except OSError:
            os.close(connection)
            raise
        if is_copy:
            # By fcntl, since dup2 is not among the system calls that are left: the lowest free number from here on is this one.
            os.close(self.wire.fd)
            fcntl.fcntl(connection, fcntl.F_DUPFD, self.wire.fd)
        os.close(connection)
        if is_copy:
            self.wire.send({"t": "hello", "layers": {}})
            head, fds, _, _ = socket.recv_fds(self.connection, 1, 1)
            if not head:
                raise HostGone
            self.wire.attach(fds[0], 2 * self.wire.half, self.wire.caps)
        return is_copy

    def _begin(self, request: OpenRequest, inputs: dict[str, Any], fds: list[int]) -> None:
        if request.state_bytes is None:
            self.interpreter.open(request, inputs)
            return
        with mmap.mmap(fds[0], request.state_bytes, prot=mmap.PROT_READ) as view, memoryview(view) as saved:
            end = _HEAD_BYTES + int.from_bytes(saved[:_HEAD_BYTES], "little")
            try:
                self.names, self.bound, mark = msgspec.msgpack.decode(saved[_HEAD_BYTES:end], type=tuple[SessionNames, set[str], str])
            except msgspec.DecodeError as error:
                raise GuestError("ValueError", f"its head is broken ({error})") from None
            start = _next_page(end)
            with saved[start:] as state:
                self.interpreter.load(msgspec.structs.replace(request, state_place=(fds[0], start)), inputs, state)
        os.close(fds[0])
        if mark != self._mark():
            # Another context, most often one that has grown: what a cell got as the whole text, or as its files, was the other's.
            fresh = {name: value for name, value in inputs.items() if name not in self.bound}
            self._bind({**fresh, **self._texts(self.names.texts)})

    def _bind(self, inputs: dict[str, Any]) -> None:
        outcome = self.interpreter.run("None", self.dispatch, inputs=inputs, write=lambda text: None, shows=False)
        if outcome.error:
            raise GuestError(outcome.error[0], outcome.error[1])

    def _get(self, frame: dict[str, Any]) -> Any:
        return self._variable(frame["name"])

    def _variable(self, name: str) -> Any:
        # `answer` is no variable before a cell binds it: whoever asks for it expects a value, and would get the empty form.
        if name == ANSWER and name not in self._known_names():
            raise GuestError("LookupError", f"no variable named {name!r}: use FINAL(value), or set answer['content'] and answer['ready']")
        return self.interpreter.get(name)

    def _set(self, frame: dict[str, Any]) -> None:
        cell = rewrite(f"{frame['name']} = None", self.names)
        cell = replace(cell, says_ready=frame["name"] == ANSWER)
        self._bind({frame["name"]: frame["value"]})
        self.names = self.names.after(cell, completed=True)
        self.bound.update(cell.bound)

    def _checkpoint(self, frame: dict[str, Any]) -> list[Any]:
        _, (fd,), _, _ = socket.recv_fds(self.connection, 1, 1)
        try:
            pieces, left_out = self.interpreter.dump(keeps=frame["keeps"])
            head = msgspec.msgpack.encode((self.names, self.bound, self._mark()))
            padding = bytes(_next_page(_HEAD_BYTES + len(head)) - _HEAD_BYTES - len(head))
            size = _write(fd, frame["bytes"], [len(head).to_bytes(_HEAD_BYTES, "little"), head, padding, *pieces])
        finally:
            os.close(fd)
        return [size, {name[:200]: self._sendable(why[:200]) for name, why in sorted(left_out.items())[:LEFT_OUT_NAMES]}]

    # -- one cell

    def _exec(self, frame: dict[str, Any]) -> None:
        send_text = lambda text: self.wire.send({"t": "out", "text": self._sendable(text)})  # noqa: E731
        cell = self.cell = _Cell(frame["id"], Printed(frame["output_chars"], send_text, self.wire.keep))
        bound: tuple[str, ...] = ()
        try:
            rewritten = rewrite(frame["code"], self.names)
            bound = cell.bound = rewritten.bound
            outcome = self.interpreter.run(
                rewritten.code,
                self.dispatch,
                inputs=self._texts(rewritten.texts),
                write=cell.printed.write,
                shows=rewritten.shows_value,
            )
            self.names = self.names.after(rewritten, completed=outcome.error is None)
            self.bound.update(bound)
        except CellRefused as error:
            outcome = Outcome(error=(error.kind, error.message, error.line))
        except MemoryError:  # in the rewrite, or where the interpreter itself could not help it
            outcome = Outcome(error=("MemoryError", "the worker ran out of memory", None), limit="memory_bytes", lost=True)
        if outcome.error is None:
            outcome = self._final(cell, outcome)
        elif bound and not outcome.lost:
            there = set(self.interpreter.names())
            bound = tuple(name for name in bound if name in there)
        self._finish(cell, outcome, bound)

    def _texts(self, names: Iterable[str]) -> dict[str, Any]:
        """The whole text for each of these names; nothing without a context."""
        wanted = tuple(names)
        return dict.fromkeys(wanted, self.near["P__text"]()) if wanted and "P__text" in self.near else {}

    def _mark(self) -> str:
        """What tells one context from another, without reading all of it: its length, its start and its end."""
        if "P__len" not in self.near:
            return ""
        chars, cut = self.near["P__len"](), self.near["P__slice"]
        return f"{chars} {cut(0, MARK_CHARS)}{cut(-MARK_CHARS, None)}"

    def _final(self, cell: _Cell, outcome: Outcome) -> Outcome:
        """Take the answer of a cell that ended well. Costs nothing where no cell of this session can have marked one as ready."""
        if self.names.says_ready or ANSWER in cell.bound:
            # As one more piece of the cell, so under its limits: what stands in `answer` is the cell's own.
            code = DROP if cell.given.there else TAKE
            taken = self.interpreter.run(code, self.dispatch, inputs={}, write=cell.printed.write, shows=False)
            if taken.error is not None:
                return refused(outcome, taken)
        return cell.given.read(self._variable, self.wire.fits, outcome)

    def _finish(self, cell: _Cell, outcome: Outcome, bound: tuple[str, ...]) -> None:
        self.cell = None
        cell.printed.finish()
        packer, error = self.wire.packer(), outcome.error
        if error is not None:
            error = (error[0][:200], self._sendable(advised(self.advice, error[0], error[1][:MESSAGE_CHARS])), error[2])
        self.wire.send({
            "t": "done",
            "id": cell.id,
            "preview": None if outcome.preview is None else self._sendable(outcome.preview[:4_100]),
            "error": error,
            "limit": outcome.limit,
            "lost": outcome.lost,
            "changed": [name[:200] for name in bound[:1_000]],
            "dropped": cell.printed.dropped,
            "final": [packer.pack(value) for value in cell.given.values] or None,
            "near_calls": cell.near_calls,
        })  # fmt: skip

    @staticmethod
    def _sendable(text: str) -> str:
        # A lone surrogate is no text; the guest may hold one, the wire may not.
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

    # -- calls from the cell

    def dispatch(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The answer to a call of an external; between cells, near ones alone are answered."""
        cell = self.cell
        if name in self.near:
            if cell is not None:
                cell.near_calls += 1
            return self._near(self.near[name], args, kwargs)
        if cell is not None and name in CALLS:
            return cell.given.take(name, args, kwargs, self.wire.fits)
        if cell is not None and name in self.far:
            return self._far(cell, name, args, kwargs)
        if name in self.far:
            raise GuestError("RuntimeError", "there is no one to answer outside of a cell")
        if name.startswith(("ctx__", "P__")) or name in TOP_LEVEL:
            raise GuestError("RuntimeError", "this session has no context")
        raise GuestError("NameError", f"name {name!r} is not defined")

    def _near(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return function(*args, **kwargs)
        except NEAR_ERRORS as error:
            kind = type(error).__name__
            raise GuestError(kind if kind in ("ValueError", "TypeError", "IndexError", "KeyError") else "ValueError", str(error)) from None

    def _far(self, cell: _Cell, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        packer = self.wire.packer()
        try:
            packed = [packer.pack(value) for value in args]
            named = {packer.key(str(key)): packer.pack(value) for key, value in kwargs.items()}
            call = self.wire.encoded({"t": "call", "id": cell.calls + 1, "name": name, "args": packed, "kwargs": named})
        except (TypeError, ValueError) as error:
            raise GuestError(type(error).__name__, f"{called(name)}: {error}") from None
        cell.printed.flush()
        cell.calls += 1
        self.wire.write(call)
        reply = self.wire.receive()
        if reply.get("error"):
            raise GuestError(*reply["error"])
        return reply["value"]
