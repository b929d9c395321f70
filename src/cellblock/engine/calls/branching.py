"""Checkpoints, forks and strategies as cells use them. Each act is on record, and what it did is done again where a run goes on."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from ...errors import SandboxBroken
from ...events import Branched
from ...repl.protocol import CellError, External
from ...values import Value
from ..branches import Branches, Fork
from ..cells import BRANCH, failing, run_in
from ..observations import error_text
from ..outcomes import CellOutcome
from ..record import Entry
from ..tree import Run
from . import arguments
from .batches import each
from .files import next_act
from .subcalls import for_the_cell, redacted

LABEL_CHARS = 200
RATIONALE_CHARS = 10_000
CODE_CHARS = 200_000
T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Branching:
    """What the cells of one branch may do with branches.

    Args:
        run: that the cells belong to: the run itself, or one of its forks.
        branches: of the run itself.
    """

    def __init__(self, run: Run, branches: Branches) -> None:
        self._run, self._branches = run, branches

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {
            "checkpoint__create": self.checkpoint_create,
            "checkpoint__restore": self.checkpoint_restore,
            "checkpoint__list": self.checkpoint_list,
            "fork__create": self.fork_create,
            "fork__switch": self.fork_switch,
            "fork__list": self.fork_list,
            "fork__run": self.fork_run,
            "fork__run_all": self.fork_run_all,
            "fork__score": self.fork_score,
            "strategy__commit": self.strategy_commit,
            "strategy__status": self.strategy_status,
        }

    # -- checkpoints

    async def checkpoint_create(self, *args: Value, **kwargs: Value) -> Value:
        """A checkpoint of variables and files as they are when this cell has ended: `checkpoint.create(label="")`; its id.

        Raises:
            CellError: there are too many.
        """
        bound = arguments.bind("checkpoint.create", ("label",), args, kwargs)
        label = arguments.text("checkpoint.create", "label", bound.get("label", ""))[:LABEL_CHARS]
        return self._act("checkpoint.create", lambda: self._branches.take_checkpoint(label), label=label)

    async def checkpoint_restore(self, *args: Value, **kwargs: Value) -> Value:
        """Go back to a checkpoint when this cell has ended: `checkpoint.restore(id)`.

        Raises:
            CellError: there is no such checkpoint.
        """
        bound = arguments.bind("checkpoint.restore", ("id",), args, kwargs)
        id = arguments.text("checkpoint.restore", "id", bound.get("id"))
        self._act("checkpoint.restore", lambda: self._branches.restore(id), id=id)
        return f"variables and files are those of {id} when this cell has ended"

    async def checkpoint_list(self, *args: Value, **kwargs: Value) -> Value:
        """The checkpoints so far: `checkpoint.list()`; for each its id, label and step.

        Raises:
            CellError: it was given arguments.
        """
        arguments.bind("checkpoint.list", (), args, kwargs)
        return [{"id": each.id, "label": each.label, "step": each.step} for each in self._branches.checkpoints.values()]

    # -- forks

    async def fork_create(self, *args: Value, **kwargs: Value) -> Value:
        """A fork that begins at a checkpoint: `fork.create(checkpoint, name)`; its name.

        Raises:
            CellError: there is no such checkpoint, the name cannot be used, or they are too many.
        """
        bound = arguments.bind("fork.create", ("checkpoint", "name"), args, kwargs)
        checkpoint = arguments.text("fork.create", "checkpoint", bound.get("checkpoint"))
        name = arguments.text("fork.create", "name", bound.get("name"))
        if not _NAME.fullmatch(name):
            raise CellError("ValueError", "fork.create(): a name has 1 to 40 letters, digits, _ or -")
        self._act("fork.create", lambda: self._branches.create(checkpoint, name), checkpoint=checkpoint, name=name)
        return name

    async def fork_switch(self, *args: Value, **kwargs: Value) -> Value:
        """Run the next cells in that fork, or in "main": `fork.switch(name)`.

        Raises:
            CellError: there is no such fork.
        """
        bound = arguments.bind("fork.switch", ("name",), args, kwargs)
        name = arguments.text("fork.switch", "name", bound.get("name"))
        self._act("fork.switch", lambda: self._branches.switch(name), name=name)
        return f"cells run in {name} when this one has ended"

    async def fork_list(self, *args: Value, **kwargs: Value) -> Value:
        """The forks: `fork.list()`; for each its name, checkpoint, score, and how many cells `fork.run` ran in it.

        Raises:
            CellError: it was given arguments.
        """
        arguments.bind("fork.list", (), args, kwargs)
        return [_told(fork, self._branches.current_name) for fork in self._branches.forks.values()]

    async def fork_score(self, *args: Value, **kwargs: Value) -> Value:
        """Note how good a fork is: `fork.score(name, score)`.

        Raises:
            CellError: there is no such fork, or the score is no number.
        """
        bound = arguments.bind("fork.score", ("name", "score"), args, kwargs)
        fork, score = self._branches.fork(arguments.text("fork.score", "name", bound.get("name"))), bound.get("score")
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not -1e300 < score < 1e300 or math.isnan(score):
            raise CellError("TypeError", "fork.score(): score must be a number")
        self._act("fork.score", lambda: setattr(fork, "score", float(score)), name=fork.name, score=float(score))
        return None

    async def fork_run(self, *args: Value, **kwargs: Value) -> Value:
        """Run a cell in a fork, now: `fork.run(name, code)`; a dict of output, value, error, final, changed.

        Raises:
            CellError: there is no such fork, or the budget is used up.
        """
        bound = arguments.bind("fork.run", ("name", "code"), args, kwargs)
        name = arguments.text("fork.run", "name", bound.get("name"))
        return (await self._run_all("fork.run", {name: bound.get("code")}))[name]

    async def fork_run_all(self, *args: Value, **kwargs: Value) -> Value:
        """Run cells in several forks at once: `fork.run_all({name: code})`; a dict of what `fork.run` gives.

        Raises:
            CellError: there is no such fork, or the budget is used up.
        """
        bound = arguments.bind("fork.run_all", ("cells",), args, kwargs)
        cells = bound.get("cells")
        if not isinstance(cells, dict):
            raise CellError("TypeError", "fork.run_all(): a dict of fork names to code is needed")
        return dict(await self._run_all("fork.run_all", cells))

    # -- strategies

    async def strategy_commit(self, *args: Value, **kwargs: Value) -> Value:
        """Make a fork's state the run's own when this cell has ended, and drop all forks: `strategy.commit(fork, rationale="")`.

        Raises:
            CellError: there is no such fork.
        """
        bound = arguments.bind("strategy.commit", ("fork", "rationale"), args, kwargs)
        fork = arguments.text("strategy.commit", "fork", bound.get("fork"))
        rationale = arguments.text("strategy.commit", "rationale", bound.get("rationale", ""))
        if len(rationale) > RATIONALE_CHARS:
            raise CellError(
                "ValueError", f"strategy.commit(): a rationale has at most {RATIONALE_CHARS} characters; write the rest to a file"
            )
        self._act("strategy.commit", lambda: self._branches.commit(fork, rationale), fork=fork, rationale=rationale)
        return f"the state of {fork} is the run's when this cell has ended; all forks are dropped"

    async def strategy_status(self, *args: Value, **kwargs: Value) -> Value:
        """Where the run stands: `strategy.status()`; the current branch, the forks, and what was committed.

        Raises:
            CellError: it was given arguments.
        """
        arguments.bind("strategy.status", (), args, kwargs)
        branches = self._branches
        forks: list[Value] = [_told(fork, branches.current_name) for fork in branches.forks.values()]
        return {"current": branches.current_name, "forks": forks, "committed": [asdict(one) for one in branches.commits]}

    # -- inside

    def _act(self, act: str, do: Callable[[], T], **what: Value) -> T:
        self._refuse_within_a_fork(act)
        run = self._run
        with for_the_cell(run):
            done = do()
            run.record.note(BRANCH, next_act(run), {"act": act, **what})
        name = next((str(what[key]) for key in ("name", "fork", "id", "label") if key in what), "")
        run.event(Branched, step=run.step, act=act, name=name[:LABEL_CHARS])
        return done

    def _refuse_within_a_fork(self, act: str) -> None:
        if self._run.in_fork:
            raise CellError("RuntimeError", f"{act}(): not in a cell that fork.run runs; return what you found, and decide outside")

    async def _run_all(self, function: str, cells: Mapping[str, Value]) -> dict[str, Value]:
        self._refuse_within_a_fork(function)
        works = [(self._branches.fork(name), _code(function, name, code)) for name, code in cells.items()]
        if any(fork.branch is self._branches.current for fork, _ in works):
            raise CellError("ValueError", f"{function}(): that fork is where this cell runs; write the code here")
        run = self._run
        with for_the_cell(run):
            known = any(run.record.has(BRANCH, f"{run.cell}.a{run.acts + 1}.{fork.name}") for fork, _ in works)
            run.budget.take_subcalls(len(works), again=known)
            key = next_act(run)
            rows = [(f"{key}.{fork.name}", {"act": "fork.run", "name": fork.name, "code": code}) for fork, code in works]
            pairs = list(zip(works, run.record.begin_many(BRANCH, rows), strict=True))
            found = await each(self._run_one, pairs, run.budget.limits.parallel_children)
        return {fork.name: value for (fork, _), value in zip(works, found, strict=True)}

    async def _run_one(self, pair: tuple[tuple[Fork, str], Entry]) -> Value:
        (fork, code), entry = pair
        run = self._run
        with failing(run, entry):
            shown = await self._shown(fork, code)
        error = shown["error"]
        if entry.outcome is None:
            run.record.finish(entry, {"error": error})
        run.event(Branched, step=run.step, act="fork.run", name=fork.name, error=error)
        return shown

    async def _shown(self, fork: Fork, code: str) -> dict[str, Any]:
        try:
            return _shown(await run_in(self._branches, fork, code))
        except SandboxBroken as broken:
            # One fork's worker is no reason to stop the others'.
            return {"output": "", "value": None, "error": redacted(broken), "final": None, "changed": []}


def _code(function: str, name: str, value: Value) -> str:
    if not isinstance(value, str):
        raise CellError("TypeError", f"{function}(): the code for {name[:50]!r} must be a str, not {type(value).__name__}")
    if len(value) > CODE_CHARS:
        raise CellError("ValueError", f"{function}(): the code for {name[:50]!r} has {len(value)} characters; at most {CODE_CHARS} can run")
    return value


def _shown(outcome: CellOutcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "output": result.stdout,
        "value": result.value_preview,
        "error": None if result.error is None else error_text(result.error),
        "final": result.final,
        "changed": list(result.changed),
    }


def _told(fork: Fork, current: str) -> dict[str, Value]:
    return {"name": fork.name, "checkpoint": fork.checkpoint, "score": fork.score, "runs": fork.runs, "current": fork.name == current}
