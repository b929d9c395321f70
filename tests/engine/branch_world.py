"""What files, checkpoints, forks and strategies are to do, in the plainest way: dicts that are copied."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Act = tuple[Any, ...]
"""What one line of a cell does: its kind, and with what."""
INNER = ("set", "push", "write", "append", "delete", "ask", "fail")
"""What a cell in a fork may do, too."""


def code_of(act: Act) -> str:  # noqa: C901 - a table
    """The line of a cell that does it."""
    match act:
        case ("set", value):
            return f"a = {value}"
        case ("push", value):
            return f"b['rows'].append({value})"
        case ("write" | "append" as how, path, data):
            return f"vfs.{how}({path!r}, {data!r})"
        case ("delete", path):
            return f"vfs.delete({path!r})"
        case ("ask", prompt):
            return f"b['rows'].append(llm_query({prompt!r}))"
        case ("fail",):
            return "1 / 0"
        case ("checkpoint", label):
            return f"out.append(checkpoint.create({label!r}))"
        case ("restore", id):
            return f"checkpoint.restore({id!r})"
        case ("create", id, name):
            return f"fork.create({id!r}, {name!r})"
        case ("run", cells):
            return f"ran = fork.run_all({ {name: inner_cell(acts) for name, acts in cells.items()}!r})\nout.append({{n: r['error'] for n, r in ran.items()}})"  # noqa: E501
        case ("switch", name):
            return f"fork.switch({name!r})"
        case ("score", name, score):
            return f"fork.score({name!r}, {score})"
        case ("promote", name, path):
            return f"vfs.promote({name!r}, {path!r})"
        case ("diff", name):
            return f"out.append(vfs.diff({name!r}))"
        case ("commit", name, why):
            return f"strategy.commit({name!r}, {why!r})"
    raise AssertionError(act)


def inner_cell(acts: Sequence[Act]) -> str:
    """A cell for a fork: it ends with its first error."""
    return "\n".join(map(code_of, acts)) or "pass"


def cell_of(acts: Sequence[Act]) -> str:
    """A cell that does them one by one, notes each error, and prints where it stands."""
    lines = ["out = []"]
    for act in acts:
        body = code_of(act).replace("\n", "\n    ")
        lines += ["try:", f"    {body}", "except Exception as e:", "    out.append(type(e).__name__)"]
    lines.append("print([out, a, b, {p: vfs.read(p) for p in vfs.list()}])")
    return "\n".join(lines)


END = "FINAL([a, b, {p: vfs.read(p) for p in vfs.list()}, checkpoint.list(), fork.list(), strategy.status()])"
BEGIN = "a = 0\nb = {'rows': []}"


@dataclass
class State:
    """A session and its files."""

    a: int = 0
    rows: list[Any] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def do(self, act: Act) -> None:
        """Raise what Python would."""
        match act:
            case ("set", value):
                self.a = value
            case ("push", value):
                self.rows.append(value)
            case ("write", path, data):
                self.files[path] = data
            case ("append", path, data):
                self.files[path] = self.files.get(path, "") + data
            case ("delete", path):
                if path not in self.files:
                    raise FileNotFoundError
                del self.files[path]
            case ("ask", prompt):
                self.rows.append(f"sub: {prompt}")
            case ("fail",):
                raise ZeroDivisionError


@dataclass
class ForkModel:
    checkpoint: str
    state: State
    score: float | None = None
    runs: int = 0


class World:
    """One run."""

    def __init__(self) -> None:
        self.main, self.current = State(), "main"
        self.forks: dict[str, ForkModel] = {}
        self.checkpoints: dict[str, tuple[str, int, State]] = {}
        self.commits: list[dict[str, Any]] = []
        self.step, self.asked = 1, 0

    @property
    def here(self) -> State:
        return self.main if self.current == "main" else self.forks[self.current].state

    def cell(self, acts: Sequence[Act]) -> str:
        """What the cell prints; afterwards the world is as it left it."""
        self.step += 1
        self._labels: list[str] = []
        self._moves: list[Act] = []
        out: list[Any] = []
        for act in acts:
            try:
                self._do(act, out)
            except (ArithmeticError, LookupError, OSError, RuntimeError, ValueError) as error:
                out.append(type(error).__name__)
        state = self.here
        printed = f"{[out, state.a, {'rows': state.rows}, dict(sorted(state.files.items()))]}\n"
        for label in self._labels:
            self.checkpoints[f"c{len(self.checkpoints) + 1}"] = (label, self.step, copy.deepcopy(state))
        for move in self._moves:
            self._go(move)
        return printed

    def _do(self, act: Act, out: list[Any]) -> None:  # noqa: C901 - a table
        committing = any(move[0] == "commit" for move in self._moves)
        if act[0] in ("restore", "create", "switch", "commit") and committing:
            raise RuntimeError
        match act:
            case ("checkpoint", label):
                self._labels.append(label)
                out.append(f"c{len(self.checkpoints) + len(self._labels)}")
            case ("restore", id):
                self._check(id)
                self._moves.append(act)
            case ("create", id, name):
                self._check(id)
                if name in self.forks or name == "main":
                    raise ValueError
                self.forks[name] = ForkModel(id, copy.deepcopy(self.checkpoints[id][2]))
            case ("run", cells):
                self._run(cells, out)
            case ("switch" | "commit", name, *_):
                if name not in self.forks and (name, act[0]) != ("main", "switch"):
                    raise LookupError
                self._moves.append(act)
            case ("score", name, score):
                self._fork(name).score = float(score)
            case ("promote", name, path):
                files = self._fork(name).state.files
                if path not in files:
                    raise FileNotFoundError
                self.here.files[path] = files[path]
            case ("diff", name):
                out.append(self._diff(self._fork(name).state.files))
            case _:
                self.asked += act[0] == "ask"
                self.here.do(act)

    def _fork(self, name: str) -> ForkModel:
        if name not in self.forks:
            raise LookupError
        return self.forks[name]

    def _check(self, id: str) -> None:
        if id not in self.checkpoints:
            taken_later = int(id[1:]) <= len(self.checkpoints) + len(self._labels)
            raise RuntimeError if taken_later else LookupError

    def _run(self, cells: dict[str, Sequence[Act]], out: list[Any]) -> None:
        for name in cells:
            self._fork(name)
        if self.current in cells:
            raise ValueError
        errors: dict[str, str | None] = {}
        self.asked += len(cells)
        for name, acts in cells.items():
            fork, errors[name] = self.forks[name], None
            fork.runs += 1
            for line, act in enumerate(acts, 1):
                self.asked += act[0] == "ask"
                try:
                    fork.state.do(act)
                except ZeroDivisionError:
                    errors[name] = f"ZeroDivisionError: division by zero (line {line})"
                    break
        out.append(errors)

    def _diff(self, theirs: dict[str, str]) -> dict[str, str]:
        mine = self.here.files
        found = {path: "removed" for path in mine.keys() - theirs.keys()} | {path: "added" for path in theirs.keys() - mine.keys()}
        found |= {path: "changed" for path in mine.keys() & theirs.keys() if mine[path] != theirs[path]}
        return dict(sorted(found.items()))

    def _go(self, move: Act) -> None:
        match move:
            case ("restore", id):
                state = copy.deepcopy(self.checkpoints[id][2])
                if self.current == "main":
                    self.main = state
                else:
                    self.forks[self.current].state = state
            case ("switch", name):
                self.current = name
            case ("commit", name, why):
                self.main, self.current = self.forks[name].state, "main"
                self.commits.append({"fork": name, "rationale": why, "step": self.step})
                self.forks.clear()

    def end(self) -> list[Any]:
        """The final answer."""
        forks = [
            {"name": name, "checkpoint": each.checkpoint, "score": each.score, "runs": each.runs, "current": name == self.current}
            for name, each in self.forks.items()
        ]
        taken = [{"id": id, "label": label, "step": step} for id, (label, step, _) in self.checkpoints.items()]
        status = {"current": self.current, "forks": forks, "committed": self.commits}
        state = self.here
        return [state.a, {"rows": state.rows}, dict(sorted(state.files.items())), taken, forks, status]
