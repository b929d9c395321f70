"""A terminal of the test's own, with the command in it: what is typed, and what is shown."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .conftest import COMMAND, environment

SECONDS = 30.0
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"
# The command gets a session and a controlling terminal of its own, so that Ctrl-C is a key and not a signal that the test sends.
_LAUNCH = "import os, sys; fd = int(sys.argv[1]); os.login_tty(fd); os.execvp(sys.argv[2], sys.argv[2:])"


class Terminal:
    """What the command writes is read as long as something is expected."""

    def __init__(self, fd: int, process: subprocess.Popen[bytes]) -> None:
        self._fd, self.process = fd, process
        self.shown = ""
        self._looked_at = 0

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def expect(self, text: str) -> str:
        """Wait for a text after the last one that was waited for; returns what came until then."""
        deadline = time.monotonic() + SECONDS
        while (at := self.shown.find(text, self._looked_at)) < 0:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} did not come:\n{self.shown[self._looked_at :]}")
        before, self._looked_at = self.shown[self._looked_at : at], at + len(text)
        return before

    def rests(self) -> None:
        """Wait until the command waits for something."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        deadline = time.monotonic() + SECONDS
        while stat.read_text().rpartition(")")[2].split()[0] != "S" and time.monotonic() < deadline:
            os.sched_yield()

    def ended(self) -> int:
        """Read to the end; the exit code."""
        while self._read(SECONDS):
            pass
        return self.process.wait(SECONDS)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return False
        # A terminal whose other end has gone is an OSError on Linux, not an end of file.
        with suppress(OSError):
            data = os.read(self._fd, 65_536)
            self.shown += data.decode(errors="replace")
            return bool(data)
        return False


@contextmanager
def on_a_terminal(home: object, *words: object, cwd: object = None, env: dict[str, str] | None = None) -> Iterator[Terminal]:
    """The command on a terminal that it may read and write."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", _LAUNCH, str(theirs), *COMMAND, *map(str, words)]
    process = subprocess.Popen(command, pass_fds=[theirs], env={**environment(home), **(env or {})}, cwd=cwd)  # type: ignore[call-overload]
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        os.close(ours)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(SECONDS)
