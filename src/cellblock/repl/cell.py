"""One exec from the host's side: a state machine over the worker's frames, and the far calls in between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio.lowlevel

from ..errors import LimitExceeded, SandboxBroken
from ..limits import ExecLimits
from ..values import Copier, Value, whole
from .foreign import called
from .history import Answered
from .meter import Meter
from .pieces import LONG_SECONDS, in_pieces
from .protocol import ExecError, ExecResult, ExecUsage, External
from .wire import Call, Done, Out, Wire

_PREVIEW_CHARS = 32_000
INTERRUPTED = "interrupted"
"""What a worker names as the limit of a cell that ended because we asked for it."""
_AT_ONCE_SECONDS = 0.005


@dataclass
class CellRun:
    """One cell while it runs. A worker that speaks out of turn is a `SandboxBroken`."""

    wire: Wire
    meter: Meter
    limits: ExecLimits
    externals: Mapping[str, External]
    recorded: list[Answered] | None = None
    """Answers of an earlier run of this cell: given again instead of making the calls."""
    printed: list[str] = field(default_factory=list)
    printed_chars: int = 0
    answers: list[Answered] = field(default_factory=list)

    async def run(self, exec_id: int) -> Done:
        """Answer the cell's calls until it is done.

        Raises:
            LimitExceeded, SandboxBroken: the worker has to be killed.
        """
        texts, rested = 0, time.perf_counter()
        while True:
            frame = await self.meter.receive()
            if time.perf_counter() - rested > _AT_ONCE_SECONDS:
                await anyio.lowlevel.checkpoint()  # a worker that always has one more frame ready must not keep the event loop
                rested = time.perf_counter()
            match frame:
                case Out(text=text):
                    texts += 1
                    if texts > len(self.answers) + 2:  # an honest worker sends one before each call, and the rest
                        raise SandboxBroken("the worker floods the host with output")
                    self._take(text)
                case Call():
                    await self._call(frame)
                case Done(id=done) if done == exec_id:
                    return frame
                case _:
                    raise SandboxBroken(f"the worker sent {type(frame).__name__} while a cell was running")

    @property
    def stdout(self) -> str:
        """What was printed, as far as it was kept."""
        return "".join(self.printed)

    def _take(self, text: str) -> None:
        self.printed_chars += len(text)
        if self.printed_chars > self.limits.output_chars:
            raise SandboxBroken("the worker sent more output than the cell may print")
        self.printed.append(text)

    async def _call(self, call: Call) -> None:
        number = len(self.answers) + 1
        if call.id != number or call.name not in self.externals:
            raise SandboxBroken("the worker made a call that it may not make")
        if number > 2 * self.limits.host_calls:
            raise LimitExceeded("host_calls", allowed=self.limits.host_calls, used=number)
        args, kwargs = await in_pieces(self.wire.opening(call.args, call.kwargs, expect=self.meter.expect))
        await anyio.lowlevel.checkpoint_if_cancelled()
        self.meter.check_alive()  # others ran meanwhile: who closed the session has no more of its calls made
        answer = self._again(number) if self.recorded is not None else await self._ask(call.name, number, args, kwargs)
        await self._reply(answer)

    def _again(self, number: int) -> Answered:
        assert self.recorded is not None
        if number > len(self.recorded):
            raise SandboxBroken("the cell ran differently the second time")
        return self.recorded[number - 1]

    async def _ask(self, name: str, number: int, args: list[Value], kwargs: dict[str, Value]) -> Answered:
        if self.meter.passed is not None:  # interrupted: what its last breath asks for is not worth a call
            return None, ("RuntimeError", str(self.meter.passed))
        if number > self.limits.host_calls:
            return None, ("RuntimeError", f"host_calls={self.limits.host_calls} exceeded: call fewer times, or in batches")
        return await called(name, self.externals[name], args, kwargs)

    async def _reply(self, answer: Answered) -> None:
        value, error = answer
        if error is None:
            try:
                # A copy: a roll-back gives what crossed, whatever became of the original. At once, since that is somebody else's.
                started = time.perf_counter()
                copier = Copier(self.wire.caps)
                value = whole(copier.copying(value))
                self.meter.give(copier.size)
                if time.perf_counter() - started > LONG_SECONDS:
                    await anyio.lowlevel.checkpoint()
                await self.meter.send({"t": "reply", "value": await in_pieces(self.wire.packing(value))})
                self.answers.append((value, None))
                return
            except (TypeError, ValueError) as refusal:
                if self.recorded is not None:
                    raise SandboxBroken(f"an answer on record cannot cross: {refusal}") from None
                error = ("RuntimeError", f"the answer cannot cross: {refusal}")
        await self.meter.send({"t": "reply", "value": None, "error": error})
        self.answers.append((None, error))

    def usage(self, done: Done | None = None, *, peak: int = 0) -> ExecUsage:
        """What the cell used."""
        return ExecUsage(
            wall_seconds=self.meter.wall,
            cpu_seconds=self.meter.cpu,
            peak_memory_bytes=peak,
            host_calls=len(self.answers),
            near_calls=done.near_calls if done else 0,
        )

    async def result(self, done: Done) -> ExecResult:
        """The result of a cell that came to its end."""
        final = (await in_pieces(self.wire.opening(done.final[:1])))[0][0] if done.final else None
        error = None
        if done.error is not None:
            error = self._error(done.error, done.limit)
        elif len(self.answers) > self.limits.host_calls:
            message = str(LimitExceeded("host_calls", allowed=self.limits.host_calls, used=len(self.answers)))
            error = ExecError(kind="LimitExceeded", message=message, limit="host_calls")
        return ExecResult(
            stdout=self.stdout,
            stdout_dropped=max(0, done.dropped),
            value_preview=done.preview and done.preview[:_PREVIEW_CHARS],
            error=error,
            changed=() if done.lost else tuple(name[:200] for name in done.changed[:1_000]),
            has_final=done.final is not None,
            final=final,
            state="rolled_back" if done.lost else "kept",
            usage=self.usage(done),
        )

    def _error(self, told: tuple[str, str, int | None], limit: str | None) -> ExecError:
        kind, message, line = told
        if limit == INTERRUPTED and (passed := self.meter.passed) is not None:
            return ExecError(kind="LimitExceeded", message=str(passed), line=line, limit=passed.limit)
        return ExecError(kind=kind[:200], message=message[:4_000], line=line, limit=limit if limit == "memory_bytes" else None)

    def crashed(self) -> ExecResult:
        """The result of a cell that the worker did not survive."""
        error = ExecError(kind="InterpreterCrashed", message="the interpreter crashed on this cell")
        return ExecResult(stdout=self._stdout_at_the_end(), error=error, state="rolled_back", usage=self.usage())

    def _stdout_at_the_end(self) -> str:
        return self.stdout + self.wire.kept()[: max(0, self.limits.output_chars - self.printed_chars)]

    def stopped(self, limit: LimitExceeded) -> ExecResult:
        """The result of a cell that a limit ended from outside."""
        return ExecResult(
            stdout=self._stdout_at_the_end(),
            error=ExecError(kind="LimitExceeded", message=str(limit), limit=limit.limit),
            state="rolled_back",
            usage=self.usage(),
        )
