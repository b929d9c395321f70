"""Steps that keep, forge, load and copy the states of sessions."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel

from ..repl.opening import LOAD_BYTES_PER_SECOND, LOAD_SECONDS
from .attempts import Step, whole
from .evidence import TEXT_CHARS, Timed
from .stage import Stage

PIECE_BYTES = 2**20


async def dump(stage: Stage, step: Step) -> None:
    """Keep a session's state; its bytes came out."""
    state = await stage.session(step.session).dump()
    stage.states[str(step.dump)] = state
    stage.count_memory()
    stage.evidence.add(step.session, "snapshot", state[:TEXT_CHARS].decode("latin-1"))
    # The rest is too much to be sent: an image of memory has tens of megabytes. In pieces, since the event loop is watched.
    marks = (*stage.planted.secrets.values(), stage.planted.folder)
    for start in range(0, len(state), PIECE_BYTES):
        piece = state[start : start + PIECE_BYTES + max(map(len, marks))]
        for mark in marks:
            if mark.encode() in piece:
                stage.evidence.add(step.session, "snapshot", f"… {mark} …")
        await anyio.lowlevel.checkpoint()


async def forge(stage: Stage, step: Step) -> None:
    """Damage a kept state, or make one up."""
    name = str(step.forge)
    if step.hex is not None:
        stage.states[name] = bytes.fromhex(step.hex)
    elif step.text is not None:
        stage.states[name] = whole(step.text, stage.placeholders).encode()
    else:
        stage.states[name] = damaged(stage.state(name), step.how)


async def load(stage: Stage, step: Step) -> None:
    """Open a session from a kept state: what is in it may run, within a time that is no cell's."""
    state, started = stage.state(str(step.load)), anyio.current_time()
    try:
        await stage.open(step.session, step, state)
    finally:
        allowed = LOAD_SECONDS + stage.limits.wall_seconds + len(state) / LOAD_BYTES_PER_SECOND
        stage.evidence.timed.append(Timed(seconds=anyio.current_time() - started, allowed=allowed, what="loading a state"))


async def fork(stage: Stage, step: Step) -> None:
    """Copies of a session, all open at once; each runs a cell."""
    session = stage.session(step.session)
    names = []
    try:
        for number in range(step.fork or 0):
            name = f"{step.session}~{number}"
            stage.sessions[name] = await session.fork()
            names.append(name)
            stage.count_memory()
        if step.then is not None:
            async with anyio.create_task_group() as group:
                for name in names:
                    group.start_soon(stage.run, name, whole(step.then, stage.placeholders))
    finally:
        for name in names:
            await stage.close(name)


async def kill(stage: Stage, step: Step) -> None:
    """Kill the worker of a session, as the kernel would when memory is short."""
    standing = getattr(stage.session(str(step.kill)), "_standing", None)
    if standing is not None and standing.live is not None:
        os.kill(standing.live.process.pid, signal.SIGKILL)


VERBS: dict[str, Callable[[Stage, Step], Awaitable[object]]] = {"dump": dump, "forge": forge, "load": load, "fork": fork, "kill": kill}


def damaged(state: bytes, how: str) -> bytes:
    """The bytes with one damage, such as `flip 8`, `cut 100`, `append 00ff`, `swap 3 9`, `byte 5 255`, `seeded 7`."""
    kind, *words = how.split()
    return _DAMAGES[kind](state, words)


def _flipped(state: bytes, words: list[str]) -> bytes:
    data, bit = bytearray(state), int(words[0])
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


def _set(state: bytes, words: list[str]) -> bytes:
    data = bytearray(state)
    data[int(words[0]) % len(data)] = int(words[1])
    return bytes(data)


def _swapped(state: bytes, words: list[str]) -> bytes:
    data = bytearray(state)
    one, other = (int(word) % len(data) for word in words)
    data[one], data[other] = data[other], data[one]
    return bytes(data)


def _seeded(state: bytes, words: list[str]) -> bytes:
    data, rng = bytearray(state), random.Random(int(words[0]))
    for _ in range(rng.randrange(1, 9)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


_DAMAGES: dict[str, Callable[[bytes, list[str]], bytes]] = {
    "cut": lambda state, words: state[: int(words[0])],
    "head": lambda state, words: state[int(words[0]) :],
    "prepend": lambda state, words: bytes.fromhex(words[0]) + state,
    "append": lambda state, words: state + bytes.fromhex(words[0]),
    "repeat": lambda state, words: state * int(words[0]),
    "flip": _flipped,
    "byte": _set,
    "swap": _swapped,
    "seeded": _seeded,
}
