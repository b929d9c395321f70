"""The test's end of `host.py`: jobs out, ends back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from .host import Ended, Job

TESTS = Path(__file__).parents[1]


class Host:
    """A process that forks another one for each job."""

    def __init__(self) -> None:
        paths = [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._jobs: IO[bytes] = self._process.stdin
        self._ends: IO[bytes] = self._process.stdout
        assert self._ends.readline() == b"ready\n"

    def start(self, job: Job) -> int:
        """Begin a job; the id of the process that does it. `wait` must follow."""
        self._jobs.write(msgspec.json.encode(job) + b"\n")
        self._jobs.flush()
        return int(msgspec.json.decode(self._ends.readline())["pid"])

    def wait(self) -> Ended:
        """How the job that was begun has ended."""
        return msgspec.json.decode(self._ends.readline(), type=Ended)

    def do(self, job: Job) -> Ended:
        self.start(job)
        return self.wait()

    def close(self) -> None:
        self._jobs.close()
        self._process.wait(30)
        self._ends.close()


@contextmanager
def host() -> Iterator[Host]:
    opened = Host()
    try:
        yield opened
    finally:
        opened.close()
