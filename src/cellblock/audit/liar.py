"""Attacks by a worker that plays a script instead of working, inside the real jail: what the host does about it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ..errors import CellblockError, LimitExceeded, SandboxBroken
from ..limits import ExecLimits
from ..repl.guests import GuestSpec, sandboxes_folder
from ..repl.protocol import ExecResult, External
from ..repl.session import Session, open_session
from ..values import Value
from .attempts import Step, whole
from .gauges import gauged
from .seen import Seen
from .tables import exec_limits

SOURCE = "x = 1"
SLACK_SECONDS = 1.0
LAG_SECONDS = 0.1
AGAIN_SECONDS = 2.0
"""More for an act before which the session may have to be brought back: see `cellblock.repl.opening`."""
SLACK_BYTES = 64 * 2**20
_ENDED = (
    "SandboxBroken",
    "LimitExceeded",
    "InterpreterCrashed",
    "TypeError",
    "LookupError",
    "StoreError",
    "StateTooLarge",
    "TamperedSnapshot",
)
"""How an act may end that is not simply done: the worker was found out, stopped, or said no."""


def liar(script: list[dict[str, Any]], *, forks: bool = False, soft: bool = False) -> GuestSpec:
    """How to start a worker that plays this script.

    Args:
        script: actions; `sandboxes/liar/driver.py` lists them.
        forks: it can be copied, as a worker of `restricted` can.
        soft: it is asked to end a cell before it is killed; it will not.
    """
    told = json.dumps(script)
    options = {"script": told, **({"forks": "1"} if forks else {})}
    spec = GuestSpec.from_folder(sandboxes_folder() / "liar", options=options)
    facts = msgspec.structs.replace(spec.facts, forks=forks, soft_limits=soft)
    return replace(spec, name=f"liar {hashlib.sha256(told.encode()).hexdigest()[:8]}", facts=facts)


@dataclass
class Lied:
    """A session with such a worker, and everything that came of it."""

    limits: ExecLimits
    seen: Seen = field(default_factory=Seen)
    calls: list[str] = field(default_factory=list)
    session: Session | None = None

    async def act(self, what: str, number: int, work: Callable[[], Awaitable[object]]) -> None:
        """Do one thing with the session, and note how it ended."""
        started = time.perf_counter()
        try:
            told = shown(await work())
        except (CellblockError, TypeError, LookupError) as error:
            told = f"{_kind(error)}: {error}"
        except Exception as error:  # noqa: BLE001 - what no caller expects is what is looked for
            told = f"{type(error).__name__}: {error}"
            self.seen.faults.append(f"{what} raised {type(error).__name__}, which is no error of ours")
        seconds = time.perf_counter() - started
        allowed = self.limits.wall_seconds + SLACK_SECONDS + (AGAIN_SECONDS + 5 * self.limits.wall_seconds if number else 0.0)
        if seconds > allowed:
            self.seen.faults.append(f"{what} took {seconds:.1f} s; {allowed:.1f} s are allowed")
        self.seen.texts[f"{number} {what}"] = told
        self.seen.measured("seconds", seconds)


def _kind(error: Exception) -> str:
    for kind in (SandboxBroken, LimitExceeded):
        if isinstance(error, kind):
            return kind.__name__
    return type(error).__name__


def shown(outcome: object) -> str:
    """What an act came to, as a text."""
    if isinstance(outcome, ExecResult):
        ended = f"{outcome.error.kind} {outcome.error.limit or ''}: {outcome.error.message}" if outcome.error else "done"
        return "\n".join([ended, outcome.stdout, str(outcome.value_preview), repr(outcome.final), " ".join(outcome.changed)])
    return f"done {str(outcome)[:100_000]}"


def _acts(lied: Lied, step: Step, externals: Mapping[str, External]) -> dict[str, Callable[[], Awaitable[object]]]:
    source = whole(step.settings.get("source", SOURCE))

    def session() -> Session:
        if lied.session is None:
            raise SandboxBroken("no session was opened")
        return lied.session

    async def opened() -> str:
        spec = liar(step.worker or [], forks=bool(step.settings.get("forks")), soft=bool(step.settings.get("soft")))
        lied.session = await open_session(spec, externals=externals, limits=lied.limits)
        return "open"

    async def forked() -> str:
        await (await session().fork()).aclose()
        return "forked"

    async def dumped() -> str:
        return f"{len(await session().dump())} bytes"

    return {
        "open": opened,
        "cell": lambda: session().exec(source),
        "get": lambda: session().get("x"),
        "set": lambda: session().set("y", 1),
        "dump": dumped,
        "fork": forked,
    }


def _externals(lied: Lied, step: Step) -> dict[str, External]:
    answers: dict[str, Value] = step.settings.get("answers", {})

    def external(name: str) -> External:
        async def call(*args: Value, **kwargs: Value) -> Value:
            lied.calls.append(f"{name} {str(args)[:200]} {str(kwargs)[:200]}")
            return answers.get(name)

        return call

    return {name: external(name) for name in {"echo", *answers}}


async def run_worker(step: Step, *, sandbox: str, limits: ExecLimits, canaries: Mapping[str, str]) -> Seen:
    """Let a worker play the step's script, and do with its session what `settings.acts` lists: `cell` unless it says otherwise.

    Args:
        step: of its settings `acts`, `source`, `answers` of externals, `forks` and `soft` count.
        sandbox: another session of it is open at the same time, and has to go on.
        canaries: values of the placeholders.

    Returns:
        Of each act how it ended; figures of the host; what must not have happened.
    """
    limits = exec_limits(limits, step.limits)
    lied = Lied(limits)
    acts = _acts(lied, _filled(step, canaries), _externals(lied, step))
    async with await open_session(sandbox, limits=replace(limits, wall_seconds=10.0)) as other:
        await _goes_on(other, lied.seen)
        async with gauged() as gauge:
            for number, what in enumerate(["open", *step.settings.get("acts", ["cell"])]):
                await lied.act(what, max(0, number - 1), acts[what])
            if lied.session is not None:
                await lied.session.aclose()
        await _goes_on(other, lied.seen)
    lied.seen.texts["calls"] = "\n".join(lied.calls)
    lied.seen.measured("lag_seconds", gauge.lag_seconds)
    lied.seen.measured("memory_bytes", gauge.memory_bytes)
    lied.seen.measured("calls", len(lied.calls))
    lied.seen.faults += _too_much(lied.seen.figures, limits)
    return lied.seen


async def _goes_on(other: Session, seen: Seen) -> None:
    result = await other.exec("1 + 1")
    if result.value_preview != "2":
        seen.faults.append("another session of the same process does not go on")


def _too_much(figures: Mapping[str, float], limits: ExecLimits) -> list[str]:
    faults = []
    if figures["lag_seconds"] > LAG_SECONDS:
        faults.append(f"the event loop stood still for {figures['lag_seconds']:.2f} s; {LAG_SECONDS:g} s are allowed")
    if figures["memory_bytes"] > 2 * limits.bytes_out + SLACK_BYTES:
        faults.append(f"the host took {figures['memory_bytes'] / 2**20:.0f} MiB more")
    return faults


def ended_by_us(seen: Seen) -> bool:
    """Whether the last act ended with one of our errors: for an attempt that expects one."""
    acts = [text for name, text in seen.texts.items() if name[0].isdigit()]
    return bool(acts) and acts[-1].startswith(_ENDED)


def _filled(step: Step, canaries: Mapping[str, str]) -> Step:
    told = json.dumps(step.worker)
    for name, value in canaries.items():
        told = told.replace(name, json.dumps(value)[1:-1])
    return msgspec.structs.replace(step, worker=json.loads(told))
