"""Where a session stands: its worker, if it has one now, and what it goes back to if it loses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import LimitExceeded
from ..limits import ExecLimits
from ..values import Value
from .base import SavedState
from .cell import CellRun
from .history import History, Ran
from .live import FrozenWorker, Live, SessionOptions, StateTooLarge
from .opening import open_live
from .protocol import ExecResult
from .wire import WorkerDied

NEW_BASE_AFTER_SECONDS = 0.25
"""Once the cells since the last base took longer than this, another is worth its cost."""
NEW_BASE_AFTER_BYTES = 16 * 2**20
"""Once they were given more than this: it is all held here, to be given again."""
HISTORY_BYTES = 128 * 2**20
"""Where no base can be had: more than this is not held."""
DUMPS_OF_ONE_WORKER = 4
"""Then another one goes on from the base: a broken worker would keep every memory file that it was given, and no limit counts them."""


class Standing:
    """A session's worker and history, for one task at a time.

    Attributes:
        live: the worker; None before it is needed, and after it was lost.
        history: the base, and the cells since.
        layers: of the last worker: each wall and layer, `on` or why not.
        last: the last cell that ran to its end, with what its calls were answered; None before the first, and where it was cut off.
    """

    def __init__(self, options: SessionOptions, history: History, live: Live | None = None) -> None:
        self.options, self.history, self.live = options, history, live
        self.layers: Mapping[str, str] = live.process.layers if live else {}
        self.last: Ran | None = None

    async def worker(self) -> Live:
        """The worker; where there is none, another one that stands where the last one stood.

        Raises as `open_live` does.
        """
        if self.live is None:
            self.live = await open_live(self.options, self.history)
            self.layers = self.live.process.layers
        return self.live

    def drop(self) -> None:
        """End the worker: what it did since the last entry of the history never happened."""
        if self.live is not None:
            self.live.end()
            self.live = None

    def close(self) -> None:
        """End the worker and let go of the base."""
        self.drop()
        self.history.close()

    async def run(self, live: Live, code: str, limits: ExecLimits) -> ExecResult:
        """Run one cell whole, and note it. A worker that did not survive it is dropped.

        Raises:
            SandboxBroken: the worker lied.
        """
        run, self.last = live.cell(limits), None
        try:
            done = await live.run(run, code)
            result = await run.result(done)
        except LimitExceeded as limit:
            result = run.stopped(limit)
            self.drop()
            return result
        except WorkerDied:
            result = run.crashed()
            self.drop()
            return result
        if done.lost:
            self.drop()
            return result
        result = replace(result, usage=run.usage(done, peak=live.process.resident_bytes()))
        self.last = Ran(code, tuple(run.answers), limits, seconds=run.meter.wall)
        return await self._noted(live, self.last, run, result)

    async def _noted(self, live: Live, ran: Ran, run: CellRun, result: ExecResult) -> ExecResult:
        if result.error is not None and result.error.limit is not None and result.error.limit != "host_calls":
            # Where exactly it was stopped is nothing that a cell run again would repeat: from here on this is the base.
            if await self.rest(live):
                return result
            self.drop()
            return replace(result, state="rolled_back", changed=())
        await self._add(live, ran, run.meter.taken)
        return result

    async def _add(self, live: Live, ran: Ran, given: int) -> None:
        history = self.history
        history.add(ran, given)
        if history.seconds <= NEW_BASE_AFTER_SECONDS and history.given <= NEW_BASE_AFTER_BYTES:
            return
        if not await self.rest(live) and history.given > HISTORY_BYTES:
            history.give_up()

    async def set(self, live: Live, name: str, value: Value) -> None:
        """Bind a variable, and note it."""
        sent = live.wire.sent
        await live.set(name, value)
        await self._add(live, Ran("", name=name, value=value), live.wire.sent - sent)

    async def dump(self, live: Live, *, keeps: bool = False) -> SavedState:
        """The state between cells; `keeps` as `Live.dump` takes it.

        Raises:
            StateTooLarge: it is too large to be written, or this worker was given all the files that it gets.
            SandboxBroken: the worker lied, died or did not answer in time.
        """
        if live.dumps >= DUMPS_OF_ONE_WORKER:
            raise StateTooLarge("the state was refused too often; what is in the variables cannot be dumped")
        saved = await live.dump(keeps=keeps)
        if live.dumps >= DUMPS_OF_ONE_WORKER and not self.history.is_lost:
            self.drop()
        return saved

    async def rest(self, live: Live) -> bool:
        """Whether the state as it is now became the base."""
        try:
            if self.options.spec.facts.forks:
                self.history.rest_on(FrozenWorker(await live.fork()))
                return True
            saved = await self.dump(live, keeps=True)
        except StateTooLarge:
            return False
        if saved.left_out:
            saved.release()
            return False
        self.history.rest_on(saved)
        return True

    async def fork(self, live: Live) -> Standing:
        """An independent one that stands at the same place."""
        if self.options.spec.facts.forks:
            return Standing(self.options, self.history.copy(), await live.fork())
        if self.history.seconds > self.options.spec.facts.repeat_seconds:
            await self.rest(live)
        return Standing(self.options, self.history.copy())
