"""The auditor: throw-away processes, watched from outside, and what they came to."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ..errors import ConfigError
from .attempts import Attempt
from .evidence import Order
from .judging import Allowed, Outcome, Seen, Verdict, judge, only_stalled
from .stands import Stand
from .system import System, Walls, limits_of
from .systems import find_system

STALL_TRIES = 3
NOT_AGAIN = "it did not when the attempt was made again"
BATCH = 25
"""Attempts that one throw-away process makes, if nothing happens to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One attempt on one system."""

    id: str
    kind: str
    technique: str
    system: str
    outcome: Outcome
    why: tuple[str, ...] = ()
    seconds: float = 0.0
    memory_bytes: int = 0
    lag_seconds: float = 0.0
    once: bool = False
    """The host's event loop stood still, nothing else was wrong, and neither was so when the attempt was made again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """How attempts are made.

    Attributes:
        wall_seconds, memory_bytes: limits of every cell.
        at_once: throw-away processes.
        batch: attempts that one process makes before it is thrown away; after anything but a contained attempt it is thrown away at once.
    """

    wall_seconds: float = 0.5
    memory_bytes: int = 64 * 2**20
    at_once: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    batch: int = BATCH

    def __post_init__(self) -> None:
        if self.at_once < 1 or self.batch < 1:
            raise ConfigError("at_once and batch: at least 1")

    def run(
        self, name: str, attempts: Sequence[Attempt], *, walls: Walls = "both", tell: Callable[[Result], None] = lambda _result: None
    ) -> list[Result]:
        """Make the attempts on one system; in the order in which they were given.

        Args:
            name: see `find_system`.
            tell: called with each result as it comes, from other threads.

        Raises:
            ConfigError: there is no such system.
            SandboxUnavailable: it does not start here.
        """
        system = find_system(name, walls)
        waiting: queue.SimpleQueue[list[tuple[Attempt, str]]] = queue.SimpleQueue()
        work = [(attempt, external) for attempt in attempts for external in externals_of(system, attempt)]
        # Together: a process has to make itself ready for runs, once.
        work.sort(key=lambda one: "runs" in one[0].wants)
        size = min(self.batch, -(-len(work) // self.at_once))
        for start in range(0, len(work), size):
            waiting.put(work[start : start + size])
        made: dict[tuple[str, str], Result] = {}
        failed = threading.Event()

        def serve() -> None:
            with suppress(queue.Empty):
                while not failed.is_set():
                    try:
                        for external, result in self._made(Desk(self, name, walls), waiting.get_nowait()):
                            made[result.id, external] = result
                            tell(result)
                    except BaseException:
                        failed.set()
                        raise

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="cellblock-audit") as pool:
            for served in [pool.submit(serve) for _ in range(self.at_once)]:
                served.result()
        return [made[attempt.id, external] for attempt in attempts for external in externals_of(system, attempt)]

    def _made(self, desk: Desk, batch: list[tuple[Attempt, str]]) -> Iterator[tuple[str, Result]]:
        with desk:
            for attempt, external in batch:
                yield external, desk.make(attempt, external)

    @property
    def allowed(self) -> Allowed:
        """The limits, as a judge needs them."""
        limits = limits_of(self.wall_seconds, self.memory_bytes)
        return Allowed(memory_bytes=limits.memory_bytes, output_chars=limits.output_chars, host_calls=limits.host_calls)


def externals_of(system: System, attempt: Attempt) -> list[str]:
    """What an attempt on any external is made on."""
    mine = list(system.own_externals())
    return mine if mine and any("@EXT@" in str(step) for step in attempt.source) else ["echo"]


def _result(system: System, attempt: Attempt, seen: Seen, verdict: Verdict, *, once: bool) -> Result:
    return Result(
        id=attempt.id,
        kind=attempt.kind,
        technique=attempt.technique,
        system=system.name,
        outcome=verdict.outcome,
        why=(*verdict.why, NOT_AGAIN) if once else verdict.why,
        seconds=seen.seconds,
        memory_bytes=seen.memory_bytes,
        lag_seconds=seen.evidence.lag_seconds if seen.evidence else 0.0,
        once=once,
    )


class Desk:
    """Makes attempts on one system, in throw-away processes that it starts as they are needed. Also a context manager."""

    def __init__(self, audit: Audit, name: str, walls: Walls) -> None:
        self._audit, self._name, self._walls = audit, name, walls
        self._system = find_system(name, walls)
        self._stand: Stand | None = None

    def __enter__(self) -> Self:
        """Itself; the first attempt starts a process."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the process, if there is one."""
        self.close()

    def close(self) -> None:
        """End the process, if there is one; the next attempt starts another."""
        stand, self._stand = self._stand, None
        if stand is not None:
            stand.close()

    def make(self, attempt: Attempt, external: str = "echo") -> Result:
        """Make one attempt. After anything but a contained one the process is thrown away.

        If the host's event loop stood still, and nothing else is wrong, it is made again. The verdict stays, and says whether that came
        again: a neighbour on this machine can stop the loop, too.

        Raises:
            SandboxUnavailable: the system does not start here.
        """
        seen, verdict = self._made(attempt, external)
        once = False
        for _ in range(STALL_TRIES - 1):
            if once or not only_stalled(attempt, seen, self._audit.allowed):
                break
            again = self._made(attempt, external)
            once = again[1].outcome is Outcome.CONTAINED
            seen, verdict = (seen, verdict) if once else again
        return _result(self._system, attempt, seen, verdict, once=once)

    def _made(self, attempt: Attempt, external: str) -> tuple[Seen, Verdict]:
        if self._stand is not None and self._stand.order.external != external:
            self.close()
        if self._stand is None:
            self._stand = self._standing(external)
        seen = self._stand.make(attempt)
        verdict = judge(attempt, seen, self._audit.allowed)
        # A control leaves its marks on a copy of the process.
        fine = self._system.is_control or verdict.outcome in (Outcome.CONTAINED, Outcome.NOT_APPLICABLE)
        if seen.evidence is None or not fine:
            self.close()
        return seen, verdict

    def _standing(self, external: str) -> Stand:
        audit = self._audit
        order = Order(
            system=self._name, walls=self._walls, wall_seconds=audit.wall_seconds, memory_bytes=audit.memory_bytes, external=external
        )
        return Stand(order, is_control=self._system.is_control, jailed=self._system.jailed).started()
