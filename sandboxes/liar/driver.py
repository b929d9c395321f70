"""A worker that plays a script instead of working: what the host has to be safe against once everything in the jail is an attacker's.

It is forked by the real zygote into the real jail. The script is a list of actions; the keys of one of them are

| key | what it does |
|---|---|
| `at` | when: `hello`, `open`, `cell` (without one), `get`, `set`, `checkpoint` or `fork`: as an answer to that request |
| `times`, `forever` | how often |
| `hex`, `body`, `head` | writes raw bytes; a frame around raw bytes; the length of a frame, and nothing behind it |
| `frame`, `done`, `answer` | writes a frame of these fields; the honest end of a cell, or answer to a request, with these fields changed |
| `call`, `args`, `kwargs`, `id`, `deaf` | calls an external; reads its reply unless `deaf` |
| `out` | prints |
| `mail`, `at_byte` | writes into the mail file: text, or `{hex}`; there |
| `dump`, `size`, `left_out`, `holds` | answers a checkpoint with a text of state; lies about its size; keeps the file mapped for writing |
| `copy` | answers a fork honestly |
| `read`, `next` | reads so many bytes; the next request |
| `sleep`, `spin`, `silent` | does nothing, works, for so many seconds; is never heard of again |
| `exit`, `die`, `hang_up` | ends with that status, by that signal; closes its socket and lives on |

A request without an action is answered honestly. See `speech.py` for the values.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import msgspec

from liar.speech import HONEST_END, frame, framed, pieces, raw, spoken

SCRIPT: list[dict[str, Any]] = []
WORD_AND_KEPT = 8 + 2**16
"""Bytes of the mail file behind its two halves."""


def files(_options: dict[str, Any]) -> dict[str, str]:
    """Nothing but the null device is needed inside."""
    return {"/dev/null": "/dev/null"}


def warm(options: dict[str, Any]) -> None:
    """Read the script, which is the host's own."""
    SCRIPT.extend(json.loads(options.get("script", "[]")))
    Guest.forks = bool(options.get("forks"))
    Guest.own_pids = not Guest.forks


class Guest:
    """What the zygote makes of a fresh worker process."""

    needs_threads = False
    forks = False
    own_pids = True
    address_bytes = 6 * 2**30

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        self.connection = socket.socket(fileno=fd)
        self.data_bytes = base_bytes + memory_bytes
        self.fd = fd
        self.layers: dict[str, str] = {}
        self.request: dict[str, Any] = {}
        self.mail: mmap.mmap | None = None
        self.calls = 0
        self.held: list[mmap.mmap] = []
        self.honest: dict[str, Callable[[], None]] = {
            "hello": lambda: self.say({"t": "hello", "layers": self.layers}),
            "open": lambda: self.say({"t": "opened"}),
            "exec": lambda: self.say({**HONEST_END, "id": self.id}),
            "checkpoint": lambda: self.dump({"dump": "state"}),
            "fork": self.copy,
        }

    def start(self) -> None:
        """Be deaf to the signal that interrupts cells."""
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    @property
    def id(self) -> int:
        """Of the request that is being answered."""
        return int(self.request.get("id", 0))

    def serve(self, layers: dict[str, str]) -> None:
        """Play the script until the host hangs up."""
        self.layers = layers
        self.answer("hello")
        _, fds, _, _ = socket.recv_fds(self.connection, 1, 3)
        self.request = self.next()
        self.mail = mmap.mmap(fds[0], self.request["mail_bytes"] + WORD_AND_KEPT)
        self.answer("open")
        while True:
            self.request = self.next()
            self.calls = 0
            self.answer(self.request["t"])

    def answer(self, asked: str) -> None:
        """Play what the script has for that request; be honest where it has nothing."""
        actions = [action for action in SCRIPT if action.get("at", "cell") == ("cell" if asked == "exec" else asked)]
        if not actions:
            self.honest.get(asked, lambda: self.say({"t": "answer", "id": self.id}))()
        for action in actions:
            turns = 1 if not action.get("forever") else 2**62
            for _ in range(action.get("times", turns)):
                self.act(action)

    def act(self, action: dict[str, Any]) -> None:
        """Do one thing."""
        for key, act in ACTIONS.items():
            if key in action:
                act(self, action)
                return
        raise ValueError(f"no such action: {action}")

    # -- actions

    def say(self, fields: dict[str, Any]) -> None:
        """Write a frame."""
        self.write(frame(fields, self.id))

    def call(self, action: dict[str, Any]) -> None:
        """Call an external, in turn unless the script says otherwise."""
        self.calls += 1
        number = action.get("id", self.calls)
        self.say({"t": "call", "id": number, "name": action["call"], "args": action.get("args", []), "kwargs": action.get("kwargs", {})})
        if not action.get("deaf"):
            self.next()

    def post(self, action: dict[str, Any]) -> None:
        """Write into the mail file, which the host reads where a frame says so."""
        assert self.mail is not None
        said = spoken(action["mail"], self.id)
        data = said if isinstance(said, bytes) else pieces(said).encode()
        at = action.get("at_byte", 0) % len(self.mail)
        self.mail[at : at + len(data)] = data

    def dump(self, action: dict[str, Any]) -> None:
        """Answer a checkpoint: write a state, and say how long it is."""
        _, (fd,), _, _ = socket.recv_fds(self.connection, 1, 1)
        data = pieces(action["dump"]).encode()
        view = mmap.mmap(fd, max(1, len(data)))
        view[: len(data)] = data
        if action.get("holds"):
            self.held.append(view)
        else:
            view.close()
        os.close(fd)
        told = [action.get("size", len(data)), [None, spoken(action.get("left_out", {}), self.id)]]
        self.say({"t": "answer", "id": self.id, "value": [told]})

    def copy(self, _action: dict[str, Any] | None = None) -> None:
        """Be copied, as the host asks."""
        _, (connection,), _, _ = socket.recv_fds(self.connection, 1, 1)
        if os.fork():
            os.close(connection)
            self.say({"t": "answer", "id": self.id})
            return
        os.close(self.fd)  # and the new one in its place, since a new socket object would ask what the last filter refuses
        fcntl.fcntl(connection, fcntl.F_DUPFD, self.fd)
        os.close(connection)
        self.say({"t": "hello", "layers": {}})
        socket.recv_fds(self.connection, 1, 1)

    def hang_up(self, _action: dict[str, Any]) -> None:
        """Close the socket, and live on."""
        os.close(self.fd)
        while True:
            time.sleep(60)

    # -- bytes

    def next(self) -> dict[str, Any]:
        """The next frame of the host; its end is ours, too."""
        (size,) = struct.unpack("<I", self.exactly(4))
        decoded: dict[str, Any] = msgspec.msgpack.decode(self.exactly(size))
        return decoded

    def exactly(self, size: int) -> bytes:
        """So many bytes of the host."""
        data = b""
        while len(data) < size:
            more = os.read(self.fd, size - len(data))
            if not more:
                os._exit(0)
            data += more
        return data

    def write(self, data: bytes) -> None:
        """All of them."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]


def _spin(seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pass


ACTIONS: dict[str, Callable[[Guest, dict[str, Any]], object]] = {
    "hex": lambda guest, action: guest.write(raw(action["hex"])),
    "body": lambda guest, action: guest.write(framed(raw(action["body"]))),
    "head": lambda guest, action: guest.write(struct.pack("<I", action["head"])),
    "frame": lambda guest, action: guest.say(action["frame"]),
    "done": lambda guest, action: guest.say({**HONEST_END, "id": guest.id, **action["done"]}),
    "answer": lambda guest, action: guest.say({"t": "answer", "id": guest.id, **action["answer"]}),
    "call": Guest.call,
    "out": lambda guest, action: guest.say({"t": "out", "text": {"text": action["out"]}}),
    "mail": Guest.post,
    "dump": Guest.dump,
    "copy": Guest.copy,
    "read": lambda guest, action: os.read(guest.fd, action["read"]),
    "next": lambda guest, action: guest.next(),
    "sleep": lambda guest, action: time.sleep(action["sleep"]),
    "spin": lambda guest, action: _spin(action["spin"]),
    "silent": lambda guest, action: time.sleep(10**6),
    "exit": lambda guest, action: os._exit(action["exit"]),
    "die": lambda guest, action: os.kill(os.getpid(), action["die"]),
    "hang_up": Guest.hang_up,
}
"""What an action does, by the key that it has; the first of them counts."""
