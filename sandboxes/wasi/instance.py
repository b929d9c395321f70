"""One running guest: its modules linked, its memory, and the one way to ask it for something."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from typing import Any

import wasmtime._bindings as bindings
from wasmtime import Engine, Module, Store, Trap, WasmtimeError

from .artefact import HOST, Plan
from .builder.shim import HOST_FUNCTIONS
from .calls import NO_FINALIZER, EpochCallback, Function, HostFunction, export_of, failure, new_instance
from .imports import Ended, HostFunctions
from .memory import GuestLied, Memory
from .values import ERROR, unpack

SIGINT = 2
ANSWER_BYTES = 256 * 2**20
FAR_AWAY = 2**40
"""Epochs ahead, while the guest is told of an interrupt: that call itself is not interrupted."""
LARGE_TEXT_BYTES = 2**16
_ANSWER = struct.Struct("<B3xII")
_SLOTS = {"run": 3, "after_run": 1, "realloc": 4, "malloc": 1, "free": 1, "interrupt": 1}


class GuestLost(Exception):
    """The guest trapped, exited or lied: nothing of it can be used any more."""


class GuestRefused(Exception):
    """The guest answered with an error; its state is as it was."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(kind, message)


class NoRoom(Exception):
    """The guest has no room for this text under its memory limit."""


class Instance:
    """A guest in its store."""

    def __init__(self, engine: Engine, modules: list[Module], plan: Plan) -> None:
        self.host = HostFunctions(plan.denied)
        self.interrupt_wanted: Callable[[], bool] = lambda: False
        self.lost: str | None = None
        self._raised: BaseException | None = None
        self._store = Store(engine)
        self._instances = len(modules)
        self.limit(-1)
        self._context = self._store._context()
        self._on_epoch = EpochCallback(self._epoch)
        bindings.wasmtime_store_epoch_deadline_callback(self._store.ptr(), self._on_epoch, None, NO_FINALIZER)
        self._store.set_epoch_deadline(1)
        exports = self._link(modules, plan)
        self.memory = Memory(self._context, exports["memory"])
        self.stack_pointer = exports["stack_pointer"]
        functions = {name: Function(self._context, exports[name], slots) for name, slots in _SLOTS.items()}
        self._run, self._after_run, self._realloc = functions["run"], functions["after_run"], functions["realloc"]
        self._malloc, self._free, self._interrupt = functions["malloc"], functions["free"], functions["interrupt"]
        self.host.read, self.host.write, self.host.place = self.memory.read, self.memory.write, self._place
        self._stack_top = self._stack()

    def _link(self, modules: list[Module], plan: Plan) -> dict[str, Any]:
        functions = self.host.functions()
        # Kept for the life of the instance: the library holds no reference to a callback.
        self._functions = {n: HostFunction(self._store, HOST_FUNCTIONS[n], f, self._failed) for n, f in functions.items()}
        instances: list[Any] = []

        def find(source: int, name: str) -> Any:
            return self._functions[name].extern if source == HOST else export_of(self._context, instances[source], name)

        for module, step in zip(modules, plan.steps, strict=True):
            instances.append(new_instance(self._context, module, [find(*source) for source in step.imports]))
        return {name: find(*source) for name, source in plan.exports.items()}

    def limit(self, memory_bytes: int) -> None:
        """The guest's memory may not grow past this; -1 is no limit."""
        self._store.set_limits(memory_size=memory_bytes, instances=self._instances, memories=1, tables=4, table_elements=20_000)

    def _stack(self) -> int:
        value = bindings.wasmtime_val_t()
        bindings.wasmtime_global_get(self._context, ctypes.byref(self.stack_pointer.of.global_), ctypes.byref(value))
        return int(value.of.i32)

    @property
    def at_rest(self) -> bool:
        """Whether memory is the whole state: the stack pointer, the one global that the guest ever writes, is where it began."""
        return self.lost is None and self._stack() == self._stack_top

    def request(self, operation: int, data: str = "") -> Any:
        """Ask the guest for something; its answer, unpacked.

        Raises as `ask` does, and:
            GuestRefused: it answered with an error.
        """
        return self.opened(*self.ask(operation, data))

    def ask(self, operation: int, data: str) -> tuple[int, str]:
        """Ask the guest for something; its answer as it came.

        Raises:
            GuestLost: it came to a bad end, now or before.
            NoRoom: it cannot hold `data`.
            BaseException: whatever an external raised that is no answer; the guest is lost then.
        """
        if self.lost is not None:
            raise GuestLost(self.lost)
        payload = data.encode("utf-8", "replace")
        self._make_room(data, payload)
        try:
            result = self._run(operation, self._place(payload), len(payload))
            kind, pointer, size = _ANSWER.unpack(self.memory.read(result, _ANSWER.size))
            if size > ANSWER_BYTES:
                raise GuestLied(f"an answer of {size:,} bytes")
            text = self.memory.read(pointer, size).decode()
            self._after_run(result)
        except (Trap, WasmtimeError, GuestLied, Ended, UnicodeDecodeError) as error:
            raise self._end(error) from None
        return kind, text

    def opened(self, kind: int, text: str) -> Any:
        """What is in an answer.

        Raises:
            GuestRefused: an error.
            GuestLost: nothing that can be.
        """
        try:
            answer = unpack(text)
        except ValueError as error:
            raise self._end(error) from None
        if kind != ERROR:
            return answer
        if type(answer) is tuple and len(answer) == 2 and all(type(part) is str for part in answer):
            raise GuestRefused(*answer)
        raise self._end(GuestLied("an error without a kind"))

    def _end(self, error: Exception) -> GuestLost:
        raised, self._raised = self._raised, None
        if raised is not None and not isinstance(raised, (GuestLied, Ended, Trap, WasmtimeError)):
            self.lost = "an external failed"
            raise raised
        self.lost = _one_line(raised or error)
        return GuestLost(self.lost)

    def _failed(self, error: BaseException) -> None:
        self._raised = self._raised or error

    def _place(self, data: bytes) -> int:
        if not data:
            return 1
        pointer = self._realloc(0, 0, 1, len(data))
        self.memory.write(pointer, data)
        return pointer

    def room_for(self, text: str, payload_bytes: int) -> bool:
        """Whether the guest can take such a text. Its allocator is asked: the bindings would trap where it says no."""
        if payload_bytes < LARGE_TEXT_BYTES:
            return True
        width = 1 if text.isascii() else 2
        wanted = payload_bytes + width * sys.getsizeof(text) + LARGE_TEXT_BYTES
        pointer = self._malloc(wanted) if wanted < 2**31 else 0
        if pointer:
            self._free(pointer)
        return bool(pointer)

    def _make_room(self, text: str, payload: bytes) -> None:
        try:
            room = self.room_for(text, len(payload))
        except (Trap, WasmtimeError) as error:
            raise self._end(error) from None
        if not room:
            raise NoRoom

    def _epoch(self, _context: Any, _env: Any, delta: Any, kind: Any) -> int:
        # On the guest's thread, in the middle of its code. A late signal finds nobody to interrupt.
        try:
            delta[0], kind[0] = 1, 0
            if self.interrupt_wanted():
                self._store.set_epoch_deadline(FAR_AWAY)
                self._interrupt(SIGINT)
            return 0
        except BaseException as error:  # noqa: BLE001 - it must not unwind through the guest's frames; `_end` raises it
            self._failed(error)
            return failure("the interrupt failed")


def _one_line(error: BaseException) -> str:
    # A trap's text ends with a list of the guest's frames.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = next(
        (line for line in reversed(lines) if line.startswith(("wasm trap", "wasm `unreachable`", "0: "))), lines[0] if lines else ""
    )
    return cause[:300] or type(error).__name__
