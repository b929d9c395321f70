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
HELD_SHARE = 8
"""Checkpoints may hold so many times the bytes of files that a run may have."""
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

    What a cell asks for that changes where it stands itself is done when it has ended; see `settle`. What it does to files is an effect,
    as its calls are: it stays whatever becomes of the cell, since it may be all that is left of calls that were paid for.
    """

    run: Run
    make: MakeBranch
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    forks: dict[str, Fork] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    main: Branch = field(init=False)
    current: Branch = field(init=False)
    """Where the next cell runs: the main one, or the fork that was switched to."""
    _wanted: dict[str, str] = field(default_factory=dict)
    """Checkpoints to take once the running cell has ended: labels by id."""
    _moves: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Places to go to after that."""
    _committing: bool = False
    """Whether the last of them drops the forks."""

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
            self.run.tree.fork_sessions.discard(branch.run.run_id)

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

    async def settle(self, key: str, *, keeps: bool, went_well: bool) -> None:
        """Do what the cell with this key has asked for, now that it has ended.

        Args:
            keeps: whether states may be kept; else those on record are all there are.
            went_well: whether its variables were kept. Else nothing is done: it never came to the end for which it had asked.
        """
        wanted, moves, self._wanted, self._moves, self._committing = self._wanted, self._moves, {}, [], False
        if keeps:
            await self.current.keep(key, wanted=went_well and bool(wanted))
        if not went_well:
            return
        # First, whatever was asked for first: they are of the place where the cell ended.
        for id, label in wanted.items():
            self._take(id, label)
        for move in moves:
            await move()

    # -- checkpoints

    def take_checkpoint(self, label: str) -> str:
        """Take one when the running cell has ended; returns its id."""
        taken = len(self.checkpoints) + len(self._wanted)
        if taken >= self._limits.checkpoints:
            raise CellError("RuntimeError", f"checkpoint.create(): all {self._limits.checkpoints} checkpoints are taken; go on with those")
        if (held := self._held_bytes()) > (most := HELD_SHARE * self.run.files.limits.total_bytes):
            message = f"checkpoint.create(): the checkpoints hold {held:,} bytes of files; at most {most:,} may be held; go on with those"
            raise CellError("RuntimeError", message)
        found = f"c{taken + 1}"
        self._wanted[found] = label
        return found

    def _take(self, id: str, label: str) -> None:
        branch = self.current
        self.checkpoints[id] = Checkpoint(id=id, label=label, step=self.run.step, place=branch.place, files=branch.run.files.copy())

    def _held_bytes(self) -> int:
        held = {id(data): len(data) for each in self.checkpoints.values() for data in each.files.files().values()}
        return sum(held.values())

    def checkpoint(self, id: str) -> Checkpoint:
        """The checkpoint with that id.

        Raises:
            CellError: there is none, it is not taken yet, or nothing leads to it any more.
        """
        if id in self._wanted:
            raise CellError("RuntimeError", f"checkpoint {id!r} is taken when this cell has ended; use it in the next one")
        if id not in self.checkpoints:
            raise CellError("LookupError", f"no checkpoint {id[:50]!r}; there are: {', '.join(self.checkpoints) or 'none'}")
        self._check_reachable(f"checkpoint {id!r}", self.checkpoints[id].place)
        return self.checkpoints[id]

    def _check_reachable(self, what: str, place: Place) -> None:
        if not place.is_reachable:
            raise CellError("RuntimeError", f"{what} stands after a cell that a limit stopped, and its variables are too large to be kept")

    def restore(self, id: str) -> None:
        """Go back to a checkpoint when the running cell has ended."""
        self._refuse_after_commit("checkpoint.restore")
        self._moves.append(partial(self._go_back, self.checkpoint(id)))

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
        self._refuse_after_commit("fork.create")
        found, maker = self.checkpoint(checkpoint), self.current.run
        if name == MAIN or name in self.forks:
            raise CellError("ValueError", f"fork.create(): there is a branch named {name!r} already")
        if len(self.forks) >= self._limits.forks:
            raise CellError("RuntimeError", f"fork.create(): all {self._limits.forks} forks are there; commit one, which drops the others")
        maker.forks += 1
        own = Run(
            tree=maker.tree,
            run_id=fork_id(maker.run_id, maker.forks),
            budget=maker.budget,
            context=maker.context,
            clock=maker.clock,
            parent=maker.run_id,
            places=maker.places,
            tool_use=maker.tool_use,
            files=found.files.copy(),
        )
        own.record.start({"fork": name, "checkpoint": checkpoint}, maker.run_id)
        self.forks[name] = Fork(name=name, checkpoint=checkpoint, branch=self.make(own, self, found.place))
        return self.forks[name]

    async def rest(self, fork: Fork) -> None:
        """Let go of a fork's worker for as long as no cell runs in it, where more of them wait than run at once."""
        branch, waiting = fork.branch, self.run.tree.fork_sessions
        waiting.add(branch.run.run_id)
        if len(waiting) > self._limits.parallel_children and branch.place.is_reachable:
            waiting.discard(branch.run.run_id)
            await branch.go_to(branch.place)

    def switch(self, name: str) -> None:
        """Run the next cells in that branch."""
        self._refuse_after_commit("fork.switch")
        branch = self.main if name == MAIN else self.fork(name).branch
        self._moves.append(partial(self._switch, branch))

    async def _switch(self, branch: Branch) -> None:
        self.current = branch

    def commit(self, name: str, rationale: str) -> None:
        """Make a fork's state the run's own when the running cell has ended, and drop all forks."""
        self._refuse_after_commit("strategy.commit")
        fork = self.fork(name)
        self._check_reachable(f"fork {name!r}", fork.branch.place)
        self._moves.append(partial(self._commit, fork, rationale))
        self._committing = True

    def _refuse_after_commit(self, act: str) -> None:
        if self._committing:
            raise CellError(
                "RuntimeError", f"{act}(): a fork is committed when this cell has ended, and all are dropped; go on in the next one"
            )

    async def _commit(self, fork: Fork, rationale: str) -> None:
        main, run = self.main, self.run
        run.children, run.deepest = self.children, self.deepest
        run.files = fork.branch.run.files
        await main.go_to(fork.branch.place)
        self.commits.append(Commit(fork=fork.name, rationale=rationale, step=run.step))
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
        run.tree.fork_sessions.discard(run.run_id)
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
