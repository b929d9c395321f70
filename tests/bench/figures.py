"""One figure of the benchmark: a value, the floor that was measured beside it, their ratio, and the target."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    name: str
    value: float
    unit: str
    floor: float
    """What this machine does at best at the same moment: the operation without isolation, or the ideal."""
    target: float
    higher_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.value / self.floor if self.floor else 0.0

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self) | {"ratio": round(self.ratio, 3), "met": self.met}
        return {key: fields[key] for key in ("name", "value", "unit", "floor", "ratio", "target", "met")}

    def as_line(self) -> str:
        sign = ">=" if self.higher_is_better else "<="
        verdict = "met" if self.met else "NOT MET"
        measured = f"{self.name:36} {self.value:10.3f} {self.unit:8} floor {self.floor:10.4f}  ratio {self.ratio:8.2f}"
        return f"{measured}  target {sign} {self.target:g}: {verdict}"


def middle(action: Callable[[], object], times: int) -> float:
    """Median milliseconds of one call."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return median(taken) * 1e3


async def middle_async(action: Callable[[], Awaitable[object]], times: int) -> float:
    """Median milliseconds of one awaited call."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await action()
        taken.append(time.perf_counter() - started)
    return median(taken) * 1e3
