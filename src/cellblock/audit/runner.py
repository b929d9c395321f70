"""The auditor: throw-away processes, watched from outside, and what they came to."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from ..errors import ConfigError
from .attempts import Attempt
from .evidence import Order
from .judging import Allowed, Outcome, Seen, Verdict, judge
from .stands import Stand
from .systems import System, Walls, find_system, limits_of

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
        work = [(attempt, external) for attempt in attempts for external in _externals(system, attempt)]
        size = min(self.batch, -(-len(work) // self.at_once))
        for start in range(0, len(work), size):
            waiting.put(work[start : start + size])
        made: dict[tuple[str, str], Result] = {}
        failed = threading.Event()

        def serve() -> None:
            with suppress(queue.Empty):
                while not failed.is_set():
                    try:
                        for external, result in self._made(system, name, walls, waiting.get_nowait()):
                            made[result.id, external] = result
                            tell(result)
                    except BaseException:
                        failed.set()
                        raise

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="cellblock-audit") as pool:
            for served in [pool.submit(serve) for _ in range(self.at_once)]:
                served.result()
        return [made[attempt.id, external] for attempt, external in work]

    def _made(self, system: System, name: str, walls: Walls, batch: list[tuple[Attempt, str]]) -> Iterator[tuple[str, Result]]:
        with ExitStack() as stack:
            stand: Stand | None = None
            for attempt, external in batch:
                if stand is None or stand.order.external != external:
                    stack.close()
                    order = Order(
                        system=name, walls=walls, wall_seconds=self.wall_seconds, memory_bytes=self.memory_bytes, external=external
                    )
                    stand = stack.enter_context(Stand(order, is_control=system.is_control))
                seen = stand.make(attempt)
                result = _result(system, attempt, seen, judge(attempt, seen, self.allowed))
                fine = system.is_control or result.outcome in (Outcome.CONTAINED, Outcome.NOT_APPLICABLE)
                if seen.evidence is None or not fine or "tenants" in attempt.wants:
                    stack.close()
                    stand = None
                yield external, result

    @property
    def allowed(self) -> Allowed:
        """The limits, as a judge needs them."""
        limits = limits_of(self.wall_seconds, self.memory_bytes)
        return Allowed(memory_bytes=limits.memory_bytes, output_chars=limits.output_chars, host_calls=limits.host_calls)


def _externals(system: System, attempt: Attempt) -> list[str]:
    mine = list(system.externals)
    return mine if mine and any("@EXT@" in str(step) for step in attempt.source) else ["echo"]


def _result(system: System, attempt: Attempt, seen: Seen, verdict: Verdict) -> Result:
    return Result(
        id=attempt.id,
        kind=attempt.kind,
        technique=attempt.technique,
        system=system.name,
        outcome=verdict.outcome,
        why=verdict.why,
        seconds=seen.seconds,
        memory_bytes=seen.memory_bytes,
        lag_seconds=seen.evidence.lag_seconds if seen.evidence else 0.0,
    )
