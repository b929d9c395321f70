"""Drives CPython under the language policy: the cells run in the worker's own process."""

from __future__ import annotations

import signal
import socket
import sys
import typing
import warnings
from pathlib import Path
from typing import Any

import advice
import worker
from interpreter import INTERRUPT
from jail import lockdown
from restricted.engine import BALLAST_BYTES, RestrictedInterpreter
from restricted.modules import preload
from worker import Worker

MIB = 2**20
ADVICE = advice.of_sandbox(Path(__file__).parent)
SLACK_BYTES = BALLAST_BYTES + 8 * MIB
"""What a worker takes besides its cells' values: the ballast, buffers of frames, the rewrite of a large cell."""
RECURSION_FRAMES = 60
"""Above those of a plain Python: the worker's own, and a guard's."""


_READY: list[RestrictedInterpreter] = []
"""What the zygote made for all workers: each gets the copy that its fork gave it."""


def files(_options: dict[str, Any]) -> dict[str, str]:
    """Nothing but the null device is needed inside."""
    return {"/dev/null": "/dev/null"}


def warm(_options: dict[str, Any]) -> None:
    """Import everything that a worker needs, once: afterwards no file can be opened."""
    preload()
    warnings.simplefilter("ignore")  # of a cell's syntax: they would go to the log
    sys.unraisablehook = lambda _error: None  # its text would be made by the cell's own methods
    _exercise(RestrictedInterpreter())
    for forget in typing._cleanups:  # type: ignore[attr-defined]
        forget()  # its caches compare what a cell asks with classes that other modules asked for
    worker.warm()
    _READY.append(RestrictedInterpreter())


def _exercise(interpreter: RestrictedInterpreter) -> None:
    interpreter.run(WARMING, lambda *_call: None, inputs={}, write=lambda _text: None, shows=False)


WARMING = """
import collections, dataclasses, datetime, decimal, enum, json, random, re, statistics, time, typing
@dataclasses.dataclass
class Point:
    x: int = 1
class Color(enum.Enum):
    RED = 1
datetime.datetime.strptime("2024", "%Y").strftime("%Y")
time.strptime("2024", "%Y")
collections.Counter("aab").most_common(1)
statistics.mean([decimal.Decimal(1), 2])
json.loads(json.dumps([{"a": [1.5, None]}], indent=1))
re.findall("(a|b)+", "ab")
random.sample(range(9), 3)
print(Point(), Color.RED, sorted([3, 1]), "{0.x}".format(Point()))
"""


class Guest:
    """What the zygote makes of a fresh worker process."""

    needs_threads = False
    forks = True
    own_pids = False
    address_bytes = lockdown.SHARED_BYTES

    def __init__(self, fd: int, memory_bytes: int, base_bytes: int) -> None:
        # Made before the last filter, which refuses the questions that a new socket object asks.
        self.connection = socket.socket(fileno=fd)
        self.data_bytes = base_bytes + memory_bytes + SLACK_BYTES
        self.interpreter = _READY[0]
        self.worker = Worker(self.connection, self.interpreter, ADVICE)

    def start(self) -> None:
        """Let the host's signal reach the cells."""
        self.interpreter.wanted, self.interpreter.between_cells = self.worker.interrupt_wanted, self.worker.dispatch
        signal.signal(INTERRUPT, self.interpreter.interrupt)

    def serve(self, layers: dict[str, str]) -> None:
        """Answer the host until it hangs up."""
        self.worker.serve(layers)
