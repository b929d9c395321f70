"""What the guest can ask of the outside: seven functions, all of them here. None touches this machine.

Clocks, sleep and randomness are functions of what the session was opened with and of the calls so far, so that a session gives
the same results in every process; `State` is the part of a session that lies outside of the guest's memory.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .memory import GuestLied

TICK_NANOSECONDS = 1_000
"""The monotonic clock goes on by so much each time it is read, and by what the guest sleeps: nothing divides by zero seconds."""
LAST_NANOSECOND = 2**62
RANDOM_BYTES = 64 * 2**20
NAME_BYTES, PAYLOAD_BYTES = 256, 256 * 2**20
SECOND = 10**9


@dataclass
class State:
    """What the host remembers for a session."""

    wall: float = 0.0
    """Seconds since 1970; stands still."""
    monotonic: int = 0
    """Nanoseconds."""
    seed: int = 0
    drawn: int = 0
    """How often random bytes were drawn."""


class Ended(Exception):
    """The guest called something after which it cannot go on."""


class HostFunctions:
    """Answers one guest.

    Attributes:
        state: clocks and randomness.
        answer: called for each external with its name and payload; gives the number and text of the answer.
    """

    def __init__(self, denied: list[str]) -> None:
        self.state = State()
        self.answer: Callable[[str, str], tuple[int, str]] = _nobody
        self.read: Callable[[int, int], bytes]
        self.write: Callable[[int, bytes], None]
        self.place: Callable[[bytes], int]
        self._denied = denied

    def functions(self) -> dict[str, Callable[..., int | None]]:
        """By the name under which the guest imports them."""
        return {
            "host-call": self.host_call,
            "wall": self.wall,
            "mono": self.mono,
            "random": self.random,
            "exit": self.exit,
            "sleep": self.sleep,
            "denied": self.denied,
        }

    def host_call(self, name: int, name_bytes: int, payload: int, payload_bytes: int, result: int) -> None:
        """An external."""
        if name_bytes > NAME_BYTES or payload_bytes > PAYLOAD_BYTES:
            raise GuestLied(f"a call with {payload_bytes:,} bytes")
        try:
            call, text = self.read(name, name_bytes).decode(), self.read(payload, payload_bytes).decode()
        except UnicodeDecodeError:
            raise GuestLied("a call that is no text") from None
        kind, answer = self.answer(call, text)
        data = answer.encode("utf-8", "replace")
        self.write(result, struct.pack("<B3xII", kind, self.place(data), len(data)))

    def wall(self, result: int) -> None:
        """The time of day."""
        seconds = int(self.state.wall // 1)
        self.write(result, struct.pack("<QI", max(0, seconds), min(SECOND - 1, int(self.state.wall % 1 * SECOND))))

    def mono(self) -> int:
        """Nanoseconds that have passed."""
        self.state.monotonic = min(LAST_NANOSECOND, self.state.monotonic + TICK_NANOSECONDS)
        return self.state.monotonic

    def sleep(self, nanoseconds: int) -> None:
        """Let time pass, in no time."""
        self.state.monotonic = min(LAST_NANOSECOND, self.state.monotonic + max(0, nanoseconds))

    def random(self, pointer: int, size: int) -> None:
        """Random bytes, the same for the same seed and the same draws before."""
        if size > RANDOM_BYTES:
            raise GuestLied(f"{size:,} random bytes at once")
        self.state.drawn += 1
        self.write(pointer, hashlib.shake_128(f"{self.state.seed}:{self.state.drawn}".encode()).digest(size))

    def exit(self, status: int) -> None:
        """The guest gives up."""
        raise Ended(f"the interpreter exited with status {status}")

    def denied(self, number: int) -> None:
        """A function of WASI that the guest does not have."""
        name = self._denied[number] if number < len(self._denied) else "?"
        raise Ended(f"{name} is not available")


def _nobody(_name: str, _payload: str) -> tuple[int, str]:
    raise GuestLied("a call outside of a cell")
