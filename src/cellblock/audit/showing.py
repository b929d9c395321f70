"""A process that runs commands one after the other, each on a pipe and on a terminal, and tells what they showed.

Started once, since to start the command line for each of them would take longer than everything else. A line of JSON on standard input
holds the words of the commands and what is to be in the environment; a line on standard output is the answer.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import sys
import termios
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

_READ_BYTES = 16 * 2**20
_WINDOW = struct.pack("HHHH", 40, 120, 0, 0)


def main() -> None:
    """Serve until nobody asks any more."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # By its entry point, since the command line lies above this layer.
    command: Callable[[list[str]], int] = next(iter(entry_points(group="console_scripts", name="cellblock"))).load()
    for line in asked:
        request = json.loads(line)
        os.environ.update(request["environment"])
        told.write(json.dumps([_captured(command, words, terminal=terminal) for words, terminal in request["commands"]]).encode() + b"\n")
        told.flush()


def _captured(command: Callable[[list[str]], int], words: list[str], *, terminal: bool) -> dict[str, Any]:
    out, err = _Channel(terminal=terminal), None if terminal else _Channel(terminal=False)
    os.dup2(out.theirs, 1)
    os.dup2((err or out).theirs, 2)
    # New ones, as a new process has them: a stream asks only once what it writes to.
    sys.stdout, sys.stderr = (open(fd, "w", encoding="utf-8", closefd=False, buffering=1 if terminal else -1) for fd in (1, 2))  # noqa: SIM115
    try:
        code = command(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(null, fd)
        os.close(null)
    shown = {"stdout": out.read(), "stderr": err.read() if err else ""}
    return {"command": " ".join(words), "code": code, "terminal": terminal, **shown}


class _Channel:
    """A pipe or a terminal, read by a thread so that whoever writes never waits."""

    def __init__(self, *, terminal: bool) -> None:
        self._mine, self.theirs = pty.openpty() if terminal else os.pipe()
        if terminal:
            fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, _WINDOW)
        self._data = bytearray()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with contextlib.suppress(OSError):  # so a terminal says that its other end has gone
            while data := os.read(self._mine, 65_536):
                self._data += data[: max(0, _READ_BYTES - len(self._data))]

    def read(self) -> str:
        """All of it."""
        os.close(self.theirs)
        self._thread.join(10)
        os.close(self._mine)
        return self._data.decode("utf-8", "surrogateescape")


if __name__ == "__main__":
    main()
