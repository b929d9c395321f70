"""The branches of one run: its main line of work, checkpoints of it, and forks that try something else from there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Self

from ..host.vfs import Vfs
from ..limits import ExecLimits, RunLimits
from ..repl.protocol import CellError
from .branch import Branch, Place
from .kept_states import forget_states
from .recalling import fork_id
from .tree import Run

MAIN = "main"
"""The name of a run's own line of work."""
MakeBranch = Callable[[Run, "Branches", Place | None], Branch]
"""A branch for a run, at a place; None for its own beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A session and its files as they were when a cell had ended."""

    id: str
    label: str
    step: int
    place: Place
    files: Vfs


@dataclass(kw_only=True, slots=True)
class Fork:
    """A line of work that began at a checkpoint."""

    name: str
    checkpoint: str
    branch: Branch
    score: float | None = None
    runs: int = 0
    """Cells that `fork.run` has run in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """A fork that became the run's own state."""

    fork: str
    rationale: str
    step: int


@dataclass(slots=True)
class Branches:
    """Where a run's cells run. Also a context manager: leaving it closes every session.

    What a cell asks for that changes where it stands itself is done when it has ended; see `settle`.
    """

    run: Run
    make: MakeBranch
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    forks: dict[str, Fork] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    main: Branch = field(init=False)
    current: Branch = field(init=False)
    """Where the next cell runs: the main one, or the fork that was switched to."""
    _asked: list[tuple[str, Callable[[], Awaitable[None]]]] = field(default_factory=list)
    """Of the running cell: checkpoints to take and places to go to, once it has ended."""
    _made: int = 0
    """Forks so far."""

    def __post_init__(self) -> None:
        self.main = self.current = self.make(self.run, self, None)

    async def __aenter__(self) -> Self:
        """Begin to open the main session, unless that waits."""
        await self.main.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close every session."""
        for branch in (*(fork.branch for fork in self.forks.values()), self.main):
            await branch.__aexit__(kind, error, traceback)

    @property
    def children(self) -> int:
        """Child runs that were opened on all branches."""
        return self.run.children + sum(fork.branch.run.children for fork in self.forks.values())

    @property
    def deepest(self) -> int:
        """Depth of the deepest run that was opened on any branch."""
        return max(self.run.deepest, *(fork.branch.run.deepest for fork in self.forks.values()), 0)

    @property
    def current_name(self) -> str:
        """Of the branch where cells run now."""
        return next((fork.name for fork in self.forks.values() if fork.branch is self.current), MAIN)

    async def settle(self, key: str, *, keeps: bool) -> None:
        """Do what the cell with this key has asked for, now that it has ended.

        Args:
            keeps: whether states may be kept; else those on record are all there are.
        """
        asked, self._asked = self._asked, []
        if keeps:
            await self.current.keep(key, wanted=any(what == "checkpoint" for what, _ in asked))
        for _, act in asked:
            await act()

    # -- checkpoints

    def take_checkpoint(self, label: str) -> str:
        """Take one when the running cell has ended; returns its id."""
        taken = len(self.checkpoints) + sum(what == "checkpoint" for what, _ in self._asked)
        if taken >= self._limits.checkpoints:
            raise CellError("RuntimeError", f"checkpoint.create(): all {self._limits.checkpoints} checkpoints are taken; go on with those")
        found = f"c{taken + 1}"
        self._asked.append(("checkpoint", partial(self._take, found, label, self.run.step)))
        return found

    async def _take(self, id: str, label: str, step: int) -> None:
        branch = self.current
        self.checkpoints[id] = Checkpoint(id=id, label=label, step=step, place=branch.place, files=branch.run.files.copy())

    def checkpoint(self, id: str) -> Checkpoint:
        """The checkpoint with that id.

        Raises:
            CellError: there is none, or it is not taken yet.
        """
        if id in self.checkpoints:
            return self.checkpoints[id]
        if any(what == "checkpoint" and act.args[0] == id for what, act in self._asked if isinstance(act, partial)):
            raise CellError("RuntimeError", f"checkpoint {id!r} is taken when this cell has ended; use it in the next one")
        raise CellError("LookupError", f"no checkpoint {id[:50]!r}; there are: {', '.join(self.checkpoints) or 'none'}")

    def restore(self, id: str) -> None:
        """Go back to a checkpoint when the running cell has ended."""
        found = self.checkpoint(id)
        self._asked.append(("restore", partial(self._go_back, found)))

    async def _go_back(self, checkpoint: Checkpoint) -> None:
        await self.current.go_to(checkpoint.place)
        self.current.run.files = checkpoint.files.copy()

    # -- forks

    def fork(self, name: str) -> Fork:
        """The fork of that name.

        Raises:
            CellError: there is none.
        """
        if name not in self.forks:
            raise CellError("LookupError", f"no fork {name[:50]!r}; there are: {', '.join(self.forks) or 'none'}")
        return self.forks[name]

    def create(self, checkpoint: str, name: str) -> Fork:
        """A fork from a checkpoint. It has no process before it is used.

        Raises:
            CellError: there is no such checkpoint, the name is taken, or they are too many.
        """
        found, run = self.checkpoint(checkpoint), self.run
        if name == MAIN or name in self.forks:
            raise CellError("ValueError", f"fork.create(): there is a branch named {name!r} already")
        if len(self.forks) >= self._limits.forks:
            raise CellError("RuntimeError", f"fork.create(): all {self._limits.forks} forks are there; commit one, which drops the others")
        self._made += 1
        own = Run(
            tree=run.tree,
            run_id=fork_id(run.run_id, self._made),
            budget=run.budget,
            context=run.context,
            clock=run.clock,
            parent=run.run_id,
            places=run.places,
            tool_use=run.tool_use,
            files=found.files.copy(),
        )
        own.record.start({"fork": name, "checkpoint": checkpoint}, run.run_id)
        self.forks[name] = Fork(name=name, checkpoint=checkpoint, branch=self.make(own, self, found.place))
        return self.forks[name]

    def switch(self, name: str) -> None:
        """Run the next cells in that branch."""
        branch = self.main if name == MAIN else self.fork(name).branch
        self._asked.append(("switch", partial(self._switch, branch)))

    async def _switch(self, branch: Branch) -> None:
        branch.run.step = self.current.run.step
        self.current = branch

    def commit(self, name: str, rationale: str) -> None:
        """Make a fork's state the run's own when the running cell has ended, and drop all forks."""
        fork = self.fork(name)
        self._asked.append(("commit", partial(self._commit, fork, rationale, self.run.step)))

    async def _commit(self, fork: Fork, rationale: str, step: int) -> None:
        main, run = self.main, self.run
        run.children, run.deepest = self.children, self.deepest
        run.files = fork.branch.run.files
        await main.go_to(fork.branch.place)
        self.commits.append(Commit(fork=fork.name, rationale=rationale, step=step))
        self.current = main
        for each in self.forks.values():
            await self._end(each, committed=each is fork)
        self.forks.clear()

    async def drop_forks(self) -> None:
        """Let go of all forks: the run has ended."""
        for fork in self.forks.values():
            await self._end(fork, committed=False)
        self.forks.clear()

    async def _end(self, fork: Fork, *, committed: bool) -> None:
        run = fork.branch.run
        await fork.branch.__aexit__(None, None, None)
        ending = "committed" if committed else "dropped"
        run.record.end("ended", {"success": committed, "ending": ending, "score": fork.score, "error": None})
        forget_states(run)

    def cell_limits(self) -> ExecLimits:
        """Of the next cell: none runs for longer than the run may."""
        budget, own = self.run.budget, self.run.tree.settings.exec_limits
        return replace(own, wall_seconds=min(own.wall_seconds, budget.remaining_seconds() or own.wall_seconds))

    @property
    def _limits(self) -> RunLimits:
        return self.run.budget.limits
