"""Plain CPython behind the jail alone: what a session does when wall 1 is broken, and what the jail does then."""

from __future__ import annotations

import pickle
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import advice  # noqa: F401 - a driver may use whatever lies in sandboxes/
import worker
from interpreter import INTERRUPT, INTERRUPTED, Buffer, Dispatch, GuestError, Interrupted, OpenRequest, Outcome
from names import far_names, guest_names, plain
from worker import Worker


def files(options: dict[str, Any]) -> dict[str, str]:
    """Nothing but the null device."""
    return {"/dev/null": "/dev/null"}


def warm(options: dict[str, Any]) -> None:
    """Import what a worker needs, and what attacks on it would like to have."""
    import _posixsubprocess  # noqa: F401
    import ctypes  # noqa: F401 - for the attacks
    import encodings.idna  # noqa: F401
    import os  # noqa: F401
    import random  # noqa: F401
    import subprocess  # noqa: F401

    worker.warm()


class Naked:
    """A namespace, and `exec`."""

    wanted: Callable[[], bool]

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.dispatch: Dispatch | None = None
        self.ours: frozenset[str] = frozenset()
        self.busy = False

    def open(self, request: OpenRequest, inputs: dict[str, Any]) -> None:
        """Begin a session."""
        names = guest_names(self._call, self.variables) | far_names(self._call, request.far)
        self.variables.update({"__name__": "__main__", **names, **inputs})
        self.ours = frozenset(self.variables)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        assert self.dispatch is not None
        self.busy = True
        try:
            return self.dispatch(name, args, kwargs)
        except GuestError as error:
            raise getattr(__import__("builtins"), error.kind, RuntimeError)(error.message) from None
        finally:
            self.busy = False
            self.on_signal()

    def on_signal(self, *_: object) -> None:
        """End the cell, if the host wants that."""
        if not self.busy and self.wanted():
            raise Interrupted

    def run(self, code: str, dispatch: Dispatch, *, inputs: Mapping[str, Any], write: Callable[[str], None], shows: bool) -> Outcome:
        """Run a cell; the last line of one whose value is shown is its value."""
        self.dispatch = dispatch
        self.variables.update(inputs)
        self.variables["print"] = lambda *a, sep=" ", end="\n": write(sep.join(map(str, a)) + end)
        try:
            head, _, last = code.rpartition("\n")
            if not shows:
                exec(code, self.variables)
                return Outcome()
            exec(head, self.variables)
            return Outcome(preview=eval(last, self.variables) or None)
        except Interrupted:
            return Outcome(error=("LimitExceeded", "interrupted", None), limit=INTERRUPTED)
        except BaseException as error:  # noqa: BLE001
            return Outcome(error=(type(error).__name__, str(error)[:1000], None))

    def names(self) -> list[str]:
        """What cells have bound."""
        return [name for name in self.variables if name not in self.ours]

    def get(self, name: str) -> Any:
        """A plain copy of a variable."""
        if name not in self.names():
            raise GuestError("LookupError", f"no variable named {name!r}")
        return plain(self.variables[name])

    def dump(self, *, keeps: bool = False) -> tuple[Sequence[Buffer], dict[str, str]]:
        """The variables, pickled: what a broken worker writes is loaded by a broken worker alone."""
        kept, lost = {}, {}
        for name in self.names():
            try:
                kept[name] = pickle.dumps(self.variables[name])
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                lost[name] = str(error)
        return [pickle.dumps(kept)], lost

    def load(self, request: OpenRequest, inputs: dict[str, Any], state: memoryview) -> None:
        """Become the session that was dumped."""
        self.open(request, inputs)
        self.variables.update({name: pickle.loads(data) for name, data in pickle.loads(state).items()})


class Guest:
    """What the zygote makes of a fork of itself."""

    needs_threads = False
    forks = True
    own_pids = False
    address_bytes = 6 * 2**30

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        self.connection = socket.socket(fileno=fd)
        self.data_bytes = base_bytes + memory_bytes + 32 * 2**20
        self.interpreter = Naked()

    def start(self) -> None:
        """Listen to interrupts."""
        signal.signal(INTERRUPT, self.interpreter.on_signal)

    def serve(self, layers: dict[str, str]) -> None:
        """Serve the host to the end."""
        served = Worker(self.connection, self.interpreter)
        self.interpreter.wanted = served.interrupt_wanted
        served.serve(layers)
