"""Attacks by a worker that plays a script instead of working, inside the real jail: what the host does about it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ..errors import CellblockError
from ..in_thread import in_thread
from ..limits import ExecLimits
from ..repl.guests import GuestSpec, sandboxes_folder
from ..repl.protocol import ExecResult, External
from ..repl.session import Session, open_session
from ..repl.zygote import close_pool
from ..values import Value
from .attempts import Step, whole
from .evidence import Evidence, Timed
from .tables import exec_limits

SOURCE = "x = 1"
OPEN_SECONDS = 20.0
AGAIN_SECONDS, AGAIN_FACTOR = 2.0, 5.0
"""For an act before which the session may have to be brought back: see `cellblock.repl.opening`."""


def liar(script: list[dict[str, Any]], *, forks: bool = False, soft: bool = False) -> GuestSpec:
    """How to start a worker that plays this script. `open_session` takes it in place of a sandbox's name.

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
class _Lied:
    """A session with such a worker, and everything that came of it."""

    spec: GuestSpec
    limits: ExecLimits
    settings: Mapping[str, Any]
    evidence: Evidence = field(default_factory=Evidence)
    session: Session | None = None

    async def act(self, what: str, *, again: bool) -> None:
        """Do one thing with the session, and note how it ended."""
        evidence, started = self.evidence, time.perf_counter()
        evidence.error = None
        try:
            outcome = await _ACTS[what](self)
        except (CellblockError, TypeError, LookupError) as error:
            evidence.error = f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - what no caller expects is what is looked for
            evidence.crashed.append(f"{what}: {type(error).__name__}: {error}"[:1_000])
        else:
            self._took(outcome)
        limit = OPEN_SECONDS if what == "open" else self.limits.wall_seconds
        allowed = limit + (AGAIN_SECONDS + AGAIN_FACTOR * self.limits.wall_seconds if again else 0.0)
        evidence.timed.append(Timed(seconds=time.perf_counter() - started, allowed=allowed, what=what))
        evidence.add("A", "error", evidence.error or "")

    def _took(self, outcome: object) -> None:
        if not isinstance(outcome, ExecResult):
            self.evidence.add("A", "value", str(outcome)[:100_000])
            return
        if outcome.error is not None:
            self.evidence.error = f"{outcome.error.kind}: {outcome.error.message}"
        self.evidence.value = outcome.value_preview
        for what, text in (("printed", outcome.stdout), ("value", outcome.value_preview), ("answer", repr(outcome.final))):
            self.evidence.add("A", what, text or "")

    async def opened(self) -> None:
        """Open it."""
        self.session = await open_session(self.spec, externals=self._externals(), limits=self.limits)

    async def ran(self) -> ExecResult | None:
        """Run a cell; the worker does not care which."""
        return await self.session.exec(whole(self.settings.get("source", SOURCE))) if self.session else None

    async def got(self) -> Value:
        """Ask for a variable."""
        return await self.session.get("x") if self.session else None

    async def bound(self) -> None:
        """Bind a variable."""
        if self.session:
            await self.session.set("y", _value(self.settings.get("value", 1)))

    async def dumped(self) -> int:
        """Ask for the state."""
        return len(await self.session.dump()) if self.session else 0

    async def forked(self) -> None:
        """Make a copy, and use it."""
        if self.session:
            async with await self.session.fork() as copy:
                await copy.exec(SOURCE)

    async def closed(self) -> None:
        """Close it, in time."""
        if self.session:
            await self.session.aclose()

    def _externals(self) -> dict[str, External]:
        answers: dict[str, Value] = self.settings.get("answers", {})

        def external(name: str) -> External:
            async def call(*args: Value, **kwargs: Value) -> Value:
                self.evidence.calls += 1
                self.evidence.add("A", "argument", f"{name} {args!r} {kwargs!r}"[:100_000])
                return _value(answers.get(name))

            return call

        return {name: external(name) for name in {"echo", *answers}}


_ACTS: dict[str, Callable[[_Lied], Awaitable[object]]] = {
    "open": _Lied.opened,
    "cell": _Lied.ran,
    "get": _Lied.got,
    "set": _Lied.bound,
    "dump": _Lied.dumped,
    "fork": _Lied.forked,
    "close": _Lied.closed,
}


async def run_worker(step: Step, *, sandbox: str | GuestSpec, limits: ExecLimits, canaries: Mapping[str, str]) -> Evidence:
    """Let a worker play the step's script, and do with its session what `settings.acts` lists: `cell` unless it says otherwise.

    Args:
        step: of its settings `acts`, `source`, `value`, `answers` of externals, `forks` and `soft` count.
        sandbox: another session of it is open at the same time, and has to go on.
        limits: of each act.
        canaries: values of the placeholders.
    """
    settings = step.settings
    spec = liar(_filled(step, canaries), forks=bool(settings.get("forks")), soft=bool(settings.get("soft")))
    lied = _Lied(spec, exec_limits(limits, step.limits), settings)
    async with await open_session(sandbox, limits=replace(limits, wall_seconds=10.0, cpu_seconds=10.0)) as other:
        try:
            for number, what in enumerate(["open", *settings.get("acts", ["cell"])]):
                await lied.act(what, again=number > 1)
            error = lied.evidence.error
            await lied.act("close", again=False)
            lied.evidence.error = error
        finally:
            await in_thread(close_pool, spec)
        if (await other.exec("1 + 1")).value_preview != "2":
            lied.evidence.crashed.append("another session of the same process does not go on")
    return lied.evidence


def _value(given: Any) -> Value:
    """A value as it stands there; `{of, times}` is a list of equals, texts in pieces."""
    if isinstance(given, dict) and set(given) == {"of", "times"}:
        return [whole(given["of"])] * int(given["times"])
    value: Value = given
    return value


def _filled(step: Step, canaries: Mapping[str, str]) -> list[dict[str, Any]]:
    told = json.dumps(step.worker)
    for name, value in canaries.items():
        told = told.replace(name, json.dumps(value)[1:-1])
    script: list[dict[str, Any]] = json.loads(told)
    return script
