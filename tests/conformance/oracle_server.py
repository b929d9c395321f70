"""The oracle's process: forks for every case, runs its steps, writes one line of JSON with what they gave."""

from __future__ import annotations

import ast
import json
import os
import random
import select
import signal
import sys
import tempfile
import traceback
from typing import Any

from oracle_cells import Cells

from cases import Observed, Step

PATIENCE_SECONDS = 60


def serve() -> None:
    """Answer until the input ends."""
    while line := sys.stdin.buffer.readline():
        asked = ast.literal_eval(bytes.fromhex(line.decode()).decode("utf-8", "surrogatepass"))
        with tempfile.TemporaryDirectory(prefix="cellblock-oracle-", ignore_cleanup_errors=True) as root:
            child = os.fork()
            if not child:
                _answer(asked, root)
            if not _ended_well(child):
                _say(f"the case's process died, or took longer than {PATIENCE_SECONDS} seconds")


def _ended_well(child: int) -> bool:
    # No alarm in the child: cells' limits use that timer.
    pidfd = os.pidfd_open(child)
    if not select.select([pidfd], [], [], PATIENCE_SECONDS)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(pidfd)
    return os.waitpid(child, 0)[1] == 0


def _say(answer: object) -> None:
    sys.__stdout__.write(json.dumps(answer) + "\n")
    sys.__stdout__.flush()


def _answer(asked: dict[str, Any], root: str) -> None:
    observed: Any
    try:
        cells = Cells(asked["context"], asked["far"], asked["limits"], asked["seed"], asked["clock"], root)
        observed = take(cells, [Step(**step) for step in asked["steps"]])
    except BaseException:  # noqa: BLE001 - whatever went wrong, the test has to say it
        observed = traceback.format_exc()
    _say(observed)
    os._exit(0)


def take(cells: Cells, steps: list[Step]) -> list[dict[str, Any]]:
    """The steps' results. A fork is a fork: the copy takes the steps up to `back`, and reports them through a pipe."""
    results: list[dict[str, Any]] = []
    at = 0
    while at < len(steps):
        step, at = steps[at], at + 1
        if step.kind == "fork":
            ends = [number for number in range(at, len(steps)) if steps[number].kind == "back"]
            end = ends[0] if ends else len(steps)
            results += [vars(Observed()), *(_in_a_copy(cells, steps[at:end]) or [])]
            at = end
        elif step.kind == "cell" and cells.is_timed:
            rest = _in_a_copy(cells, steps[at - 1 :], guarded=True)
            if rest is not None:
                return results + rest
            results.append(vars(Observed(error=("LimitExceeded", "wall_seconds", None), limit="wall_seconds")))
        else:
            results.append(vars(_one(cells, step)))
    return results


def _in_a_copy(cells: Cells, steps: list[Step], *, guarded: bool = False) -> list[dict[str, Any]] | None:
    """The steps' results in a fork of this process; None where the first cell, guarded, did not look at the clock in time."""
    numbers = random.getstate()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        random.setstate(numbers)  # CPython seeds a fork anew, a fork of a session goes on as it was
        with os.fdopen(writer, "w") as pipe:
            first = [vars(cells.run_guarded(steps[0].code))] if guarded else []
            json.dump(first + take(cells, steps[len(first) :]), pipe)
            pipe.flush()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        results = pipe.read()
    os.waitpid(child, 0)
    return json.loads(results) if results else None


def _one(cells: Cells, step: Step) -> Observed:
    if step.kind == "cell":
        return cells.run(step.code)
    if step.kind == "set":
        return cells.set(step.name, step.value)
    if step.kind == "get":
        return cells.get(step.name)
    return Observed()


if __name__ == "__main__":
    serve()
