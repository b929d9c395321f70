"""One line of cells and the session that stands after them: opened when it is needed, and brought to any place of the line again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from ..errors import SandboxError, StoreError
from ..events import SessionOpened
from ..in_thread import in_thread
from ..limits import ExecLimits
from ..repl.history import Ran
from ..repl.protocol import ExecResult, External
from ..repl.snapshot import left_out
from ..store.blobs import Packed
from ..store.trees import owner_of
from .kept_states import PINNED, STATE
from .opening import Opening
from .outcomes import CellOutcome
from .snapshots import Blobs, answered_bytes
from .tree import LiveSession, Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a branch stands. With the answers that they got, its cells lead there again; a state on record is a short cut."""

    snapshot: bytes | None = field(default=None, repr=False)
    """The state that it began with; None for a fresh session."""
    cells: tuple[Ran, ...] = ()
    """From the beginning, variables that were given to it included."""
    saved: tuple[tuple[int, str], ...] = ()
    """States on record: after how many of the cells, and its id."""
    seconds: float = 0.0
    """That the cells since the last state on record took."""
    answered: int = 0
    """Bytes that they were answered, about."""
    tried: int = 0
    """After so many of the cells, keeping the state was tried last."""
    held: tuple[int, bytes] | None = field(default=None, repr=False)
    """The same of a state that is kept here, where there is no place for it on record."""
    pinned: int = 0
    """So many of the cells may not be run again: the last of them was stopped by a limit of time or memory, at a place that nobody
    knows."""

    def after(self, cell: Ran, *, repeatable: bool) -> Place:
        """One cell further."""
        cells = (*self.cells, cell)
        return replace(
            self,
            cells=cells,
            seconds=self.seconds + cell.seconds,
            answered=self.answered + answered_bytes(cell),
            pinned=self.pinned if repeatable else len(cells),
        )

    def kept(self, blob_id: str) -> Place:
        """The same place, with its state on record."""
        return replace(self.looked_at(), saved=(*self.saved, (len(self.cells), blob_id)))

    def looked_at(self) -> Place:
        """The same place, whose state was kept or could not be: there is time until it is tried again."""
        return replace(self, tried=len(self.cells), seconds=0.0, answered=0)

    def holding(self, state: bytes) -> Place:
        """The same place, with its state."""
        return replace(self, held=(len(self.cells), state))

    @property
    def is_reachable(self) -> bool:
        """Whether a session can be brought there."""
        held = () if self.held is None else (self.held,)
        return not self.pinned or any(count >= self.pinned for count, _ in (*self.saved, *held))

    @property
    def at_a_pin(self) -> bool:
        """Whether the last of the cells may not be run again."""
        return 0 < self.pinned == len(self.cells)

    @property
    def since(self) -> int:
        """Cells after the last time that keeping the state was tried."""
        return len(self.cells) - self.tried


class Branch:
    """The cells of one line of work. Also a context manager: leaving it closes its session.

    Args:
        run: whose cells they are; what they call is counted there.
        external_functions: what they may call, by name.
        place: where the branch stands to begin with.
        waits: whether the session is opened when it is first needed; else at once, in the background.
        silent: whether nobody is told that the session is open before `tell`.

    Attributes:
        place: where it stands now.
        skipped: states on record that could not be used when the session was opened, and why.
    """

    def __init__(
        self,
        run: Run,
        external_functions: Mapping[str, External],
        *,
        place: Place | None = None,
        waits: bool = False,
        silent: bool = False,
    ) -> None:
        self.run, self.place, self.skipped = run, place or Place(), list[str]()
        self._silent, self._untold = silent, list[dict[str, Any]]()
        self._externals = external_functions
        self._opening = Opening(self._opened, waits=waits)

    async def __aenter__(self) -> Self:
        """Begin to open its session, unless that waits."""
        await self._opening.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close its session, however far it has come."""
        await self._opening.__aexit__(kind, error, traceback)

    @property
    def externals(self) -> tuple[str, ...]:
        """Names of what its cells may call, in the order of the prompt."""
        return tuple(self._externals)

    def tell(self) -> None:
        """Tell whoever watches the run of the session that is open, and from now on of each."""
        self._silent = False
        while self._untold:
            self.run.event(SessionOpened, **self._untold.pop(0))

    async def session(self) -> LiveSession:
        """Its session, which stands after the last cell.

        Raises:
            SandboxError: it could not be opened.
            StoreError: the state that it needs is not on record any more.
        """
        return await self._opening.session()

    async def go_to(self, place: Place) -> None:
        """Stand somewhere else: the session is closed, and opened there when it is needed."""
        await self._opening.__aexit__(None, None, None)
        self.place = place
        self._opening = Opening(self._opened, waits=True)

    async def exec(self, code: str, limits: ExecLimits) -> CellOutcome:
        """Run one cell whole, for `run`.

        Raises:
            SandboxError, StoreError: as `session`; or the worker lied or died and could not be replaced.
        """
        session = await self.session()
        result = await session.exec(code, limits=limits)
        outcome = self._outcome(result, session.last)
        if session.last is not None and result.state == "kept":
            self.place = self.place.after(session.last, repeatable=outcome.repeatable)
        return outcome

    def _outcome(self, result: ExecResult, ran: Ran | None) -> CellOutcome:
        run = self.run
        return CellOutcome(
            result=result,
            answers=() if ran is None else ran.answers,
            subcalls=run.calls + run.fork_calls,
            children=run.children,
            deepest=run.deepest,
            stopped=run.budget.over,
        )

    async def recalled(self, code: str, limits: ExecLimits, outcome: CellOutcome, key: str) -> None:
        """Stand after a cell that an earlier attempt ran, without running it."""
        place = self.place
        if outcome.result.state == "kept":
            place = place.after(outcome.again(code, limits), repeatable=outcome.repeatable)
        noted = self.run.record.recall("snapshot", key)
        if (saved := outcome.saved or (noted and noted["id"])) is not None:
            place = place.kept(saved)
        await self.go_to(place)

    async def save(self, key: str) -> str | None:
        """Keep the state after a cell that cannot be run again, if it is one; its id, to be on record together with what the cell did."""
        needed = self.place.at_a_pin and self.place.since > 0 and not self.run.record.replays
        if not needed or (snapshot := await self._dumped()) is None:
            return None
        if self._blobs is None:
            # In this process's memory: as many as there are checkpoints may be held at once.
            if len(snapshot) <= self.run.tree.settings.snapshots.max_bytes:
                self.place = self.place.holding(snapshot)
            return None
        return await self._put(self._blobs, snapshot, f"{PINNED}{key}")

    async def keep(self, key: str, *, wanted: bool = False) -> None:
        """Keep the session's state if it is time for that: the one after the cell with this key, which is on record.

        Args:
            wanted: whether it is time in any case.
        """
        place, policy = self.place, self.run.tree.settings.snapshots
        if self._blobs is None or not place.since or place.at_a_pin:
            return
        if not wanted and not policy.due(place.since, place.seconds, place.answered):
            return
        self.place = place.looked_at()
        if (snapshot := await self._dumped()) is None or len(snapshot) > policy.max_bytes:
            return
        blob_id = await self._put(self._blobs, snapshot, f"{STATE}{key}")
        self.run.record.note("snapshot", key, {"cells": len(place.cells)}, {"id": blob_id, "bytes": len(snapshot)})

    async def _put(self, blobs: Blobs, snapshot: bytes, name: str) -> str:
        packed = await in_thread(Packed.of, snapshot)
        blob_id = blobs.put(packed, kind="snapshot", owner=owner_of(self.run.run_id), name=name)
        self.place = self.place.kept(blob_id)
        return blob_id

    @property
    def _blobs(self) -> Blobs | None:
        """Where states are kept; None where none is."""
        return None if self.run.record.replays else self.run.tree.blobs

    async def _dumped(self) -> bytes | None:
        """The state, if it can be kept whole."""
        try:
            snapshot = await (await self.session()).dump()
        except SandboxError:
            return None
        # With something left out it would not be the state that the cells lead to.
        return None if left_out(snapshot) else snapshot

    async def _opened(self) -> LiveSession:
        place, blobs = self.place, self.run.tree.blobs
        for count, blob_id in reversed(place.saved):
            try:
                if blobs is not None and count >= place.pinned:
                    return await self._open(blobs.get(blob_id), place.cells[count:])
            except StoreError as error:
                # The cells lead there as well. What is wrong with the state is told; it was not loaded.
                self.skipped.append(str(error))
        if place.held is not None and place.held[0] >= place.pinned:
            return await self._open(place.held[1], place.cells[place.held[0] :])
        if place.pinned:
            gone = f": {self.skipped[0]}" if self.skipped else ""
            raise StoreError(
                f"{self.run.run_id}: a cell was stopped by a limit of time or memory, and the state that it left is not on record{gone}; "
                "branch from a step before that cell"
            )
        return await self._open(place.snapshot, place.cells)

    async def _open(self, snapshot: bytes | None, cells: tuple[Ran, ...]) -> LiveSession:
        run = self.run
        settings = run.tree.settings
        session = await run.tree.open_session(
            settings.sandbox,
            externals=self._externals,
            context=run.context,
            limits=settings.exec_limits,
            seed=settings.seed,
            clock=run.clock,
            tenant=settings.tenant,
            allow_weak_isolation=settings.allow_weak_isolation,
            snapshot=snapshot,
            cells=cells,
        )
        again = sum(ran.name is None for ran in cells)
        self._untold.append(
            {"sandbox": session.sandbox, "layers": dict(session.layers), "cells_again": again, "skipped": tuple(self.skipped)}
        )
        if not self._silent:
            self.tell()
        return session
