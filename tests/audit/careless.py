"""Systems with one fault each, for tests of the audit: it has to see it. Found as `audit.careless:NAME` with `tests/` on the path."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from cellblock.audit import Opening, System
from cellblock.limits import ExecLimits
from cellblock.repl.protocol import ExecResult


class Careless:
    """A session whose cells are looked at by one function of the host's."""

    def __init__(self, opening: Opening, does: Callable[[Opening, str], Any]) -> None:
        self._opening, self._does = opening, does

    async def exec(self, code: str, *, limits: ExecLimits | None = None) -> ExecResult:
        shown = self._does(self._opening, code.strip())
        return ExecResult(value_preview=await shown if hasattr(shown, "__await__") else shown)

    async def get(self, name: str) -> None: ...
    async def set(self, name: str, value: object) -> None: ...

    async def dump(self) -> bytes:
        return b"state"

    async def fork(self) -> Careless:
        return self

    async def aclose(self) -> None: ...


def with_fault(name: str, does: Callable[[Opening, str], Any]) -> System:
    async def opened(opening: Opening) -> Careless:
        return Careless(opening, does)

    return System(name=name, open=opened, offers=frozenset({"externals", "snapshots"}))


def _connected(port: str) -> None:
    import socket

    socket.create_connection(("127.0.0.1", int(port)), 2).close()


def _wiped(_opening: Opening, _code: str) -> None:
    from cellblock.audit import hosts

    hosts.wipe()


def _remembered(_opening: Opening, _code: str) -> str:
    from cellblock.audit import hosts

    return hosts.HOST_SECRET


def _hoarded(_opening: Opening, code: str) -> None:
    if code == "more":
        HOARD.append(bytearray(os.urandom(1) * 200_000_000))
        time.sleep(0.2)


HOARD: list[bytearray] = []


def _left_behind(_opening: Opening, code: str) -> None:
    if code == "leave":
        LEFT.append(subprocess.Popen(["sleep", "20"]))


LEFT: list[subprocess.Popen[bytes]] = []


def _raised(_opening: Opening, code: str) -> None:
    if code == "raise":
        raise ZeroDivisionError("of the host's")


async def _late(_opening: Opening, code: str) -> None:
    if code == "late":
        await anyio.sleep(1.7)


def _stalled(_opening: Opening, code: str) -> None:
    if code == "stall":
        time.sleep(0.3)


async def _objects(opening: Opening, code: str) -> None:
    if code == "object":
        await opening.externals["echo"]([{"a": object()}])  # type: ignore[misc]


reads = with_fault("reads", lambda _opening, code: Path(code).read_text() if code.startswith("/") else "2")
environment = with_fault("environment", lambda _opening, code: str(os.environ.get(code)))
memory = with_fault("memory", _remembered)
touches = with_fault("touches", lambda _opening, code: open(code, "w").close() if code.startswith("/") else None)
connects = with_fault("connects", lambda _opening, code: _connected(code) if code.isdigit() else None)
wipes = with_fault("wipes", _wiped)
objects = with_fault("objects", _objects)
dies = with_fault("dies", lambda _opening, code: os._exit(3) if code == "die" else None)
raises = with_fault("raises", _raised)
hoards = with_fault("hoards", _hoarded)
leaves = with_fault("leaves", _left_behind)
late = with_fault("late", _late)
stalls = with_fault("stalls", _stalled)
talks = with_fault("talks", lambda _opening, code: "x" * 100_000 if code == "talk" else None)
echoes = with_fault("echoes", lambda _opening, code: code)
