"""Time that stands still, and randomness from the session's seed: a cell is the same in every process."""

from __future__ import annotations

import calendar
import datetime
import random
import time
from collections.abc import Callable
from typing import Any

TICK = 1e-6
"""Seconds by which a stopwatch goes on each time it is read: it never gives a duration of zero."""


class Random(random.Random):
    """`random.Random` whose seed comes from the session where the cell gives none."""

    fresh: random.Random

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Begin anew."""
        super().seed(type(self).fresh.getrandbits(64) if a is None else a, version)


class Frozen:
    """Clock and randomness of one session."""

    def __init__(self) -> None:
        self.clock, self.ticks = 0.0, 0
        self.shared, self.fresh = random.Random(0), random.Random(0)
        self.random_class = type("Random", (Random,), {"fresh": self.fresh, "__module__": "random"})

    def begin(self, clock: float, seed: int) -> None:
        """Start a session at `clock`, in Unix seconds, with the numbers that `random.seed(seed)` gives."""
        self.clock, self.ticks = clock, 0
        self.shared.seed(seed)
        self.fresh.seed(f"fresh {seed}")
        random.seed(seed)  # the standard library's own: statistics draws from it

    def moments(self, name: str, owner: Any) -> Callable[..., Any]:
        """`datetime.now`, `date.today` and the like, of the class or object `owner`."""
        kind = owner if isinstance(owner, type) else type(owner)
        if not issubclass(kind, datetime.date):
            raise AttributeError(f"{name} cannot be read here")
        if not issubclass(kind, datetime.datetime):
            return lambda: kind.fromtimestamp(self.clock)
        if name == "now":
            return lambda tz=None: kind.fromtimestamp(self.clock, tz)
        if name == "today":
            return lambda: kind.fromtimestamp(self.clock)
        return lambda: kind.fromtimestamp(self.clock, datetime.UTC).replace(tzinfo=None)

    def stopwatch(self) -> float:
        """`time.perf_counter`, `time.monotonic` and the like."""
        self.ticks += 1
        return self.ticks * TICK

    def time_module(self) -> dict[str, Any]:
        """What `import time` gives."""
        now = lambda: self.clock  # noqa: E731
        return {
            "time": now,
            "time_ns": lambda: round(self.clock * 1e9),
            **dict.fromkeys(("perf_counter", "monotonic", "process_time"), lambda: self.stopwatch()),
            **dict.fromkeys(("perf_counter_ns", "monotonic_ns", "process_time_ns"), lambda: round(self.stopwatch() * 1e9)),
            "sleep": _sleep,
            "gmtime": lambda seconds=None: time.gmtime(self.clock if seconds is None else seconds),
            "localtime": lambda seconds=None: time.gmtime(self.clock if seconds is None else seconds),
            "strftime": lambda text, moment=None: time.strftime(text, time.gmtime(self.clock) if moment is None else moment),
            "strptime": time.strptime,
            "asctime": lambda moment=None: time.asctime(time.gmtime(self.clock) if moment is None else moment),
            "ctime": lambda seconds=None: time.asctime(time.gmtime(self.clock if seconds is None else seconds)),
            "mktime": calendar.timegm,
            "struct_time": time.struct_time,
            "timezone": 0,
            "tzname": ("UTC", "UTC"),
        }

    def random_module(self) -> dict[str, Any]:
        """What `import random` gives."""
        names = (
            "random", "uniform", "triangular", "randint", "choice", "randrange", "sample", "shuffle", "choices", "normalvariate",
            "lognormvariate", "expovariate", "vonmisesvariate", "gammavariate", "gauss", "betavariate", "paretovariate", "weibullvariate",
            "getrandbits", "randbytes", "getstate", "setstate",
        )  # fmt: skip

        def seed(a: Any = None, version: int = 2) -> None:
            self.shared.seed(self.fresh.getrandbits(64) if a is None else a, version)

        return {**{name: getattr(self.shared, name) for name in names}, "seed": seed, "Random": self.random_class}


def _sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
