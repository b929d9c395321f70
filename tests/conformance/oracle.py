"""Runs cases on plain CPython, each in a process of its own that is forked from one that has everything imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cases import Case, Observed

HERE = Path(__file__).parent
SEARCHED = (HERE, HERE.parent / "context", HERE.parents[1] / "sandboxes", HERE.parents[1] / "src")


class Oracle:
    """The process that forks, and how to ask it."""

    def __init__(self) -> None:
        # The same hash seed as in the sandboxes: a case that depends on it is wrong, but wrong everywhere alike.
        environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(map(str, SEARCHED)), "TZ": "UTC0", "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(
            [sys.executable, "-B", HERE / "oracle_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def run(self, case: Case) -> list[Observed]:
        """What plain CPython gives."""
        assert self.process.stdin is not None and self.process.stdout is not None
        asked: dict[str, Any] = asdict(case)
        del asked["expected"]
        self.process.stdin.write(repr(asked).encode("utf-8", "surrogatepass").hex().encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "null")
        if not isinstance(answer, list):
            raise RuntimeError(f"the oracle itself failed: {answer}")
        return [Observed(**dict(one, error=one["error"] and tuple(one["error"]))) for one in answer]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
