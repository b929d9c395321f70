"""The oracle's process: forks for every case, runs its steps, writes one line of JSON with what they gave."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import sys
from typing import Any

from oracle_cells import Cells

from cases import Observed, Step

PATIENCE_SECONDS = 60


def serve() -> None:
    """Answer until the input ends."""
    while line := sys.stdin.buffer.readline():
        asked = ast.literal_eval(bytes.fromhex(line.decode()).decode("utf-8", "surrogatepass"))
        child = os.fork()
        if not child:
            _answer(asked)
        os.waitpid(child, 0)


def _answer(asked: dict[str, Any]) -> None:
    observed: list[dict[str, Any]] = []
    signal.alarm(PATIENCE_SECONDS)
    with contextlib.suppress(BaseException):
        cells = Cells(asked["context"], asked["far"], asked["limits"], asked["seed"], asked["clock"])
        observed = take(cells, [Step(**step) for step in asked["steps"]])
    sys.__stdout__.write(json.dumps(observed) + "\n")
    sys.__stdout__.flush()
    os._exit(0)


def take(cells: Cells, steps: list[Step]) -> list[dict[str, Any]]:
    """The steps' results. A fork is a fork: the copy takes the steps up to `back`, and reports them through a pipe."""
    results: list[dict[str, Any]] = []
    at = 0
    while at < len(steps):
        step, at = steps[at], at + 1
        if step.kind != "fork":
            results.append(vars(_one(cells, step)))
            continue
        ends = [number for number in range(at, len(steps)) if steps[number].kind == "back"]
        end = ends[0] if ends else len(steps)
        results += [vars(Observed()), *_in_a_copy(cells, steps[at:end])]
        at = end
    return results


def _in_a_copy(cells: Cells, steps: list[Step]) -> list[dict[str, Any]]:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with open(writer, "w") as pipe:
            json.dump(take(cells, steps), pipe)
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        results: list[dict[str, Any]] = json.load(pipe)
    os.waitpid(child, 0)
    return results


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
