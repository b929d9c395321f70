"""What a run has spent, and on what: every total is exactly the sum of its parts, in whichever order they are added."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from ..models.protocol import Usage

Key = TypeVar("Key", str, int)
MANTISSA = 2**53
"""Whole numbers up to here are floats without a rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What one kind of call has used."""

    role: str
    """What was asked for: `root_call`, `sub_root_call`, `subcall` and so on."""
    model: str
    """The adapter's name."""
    depth: int
    """Of the run that called; 0 for the root."""
    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class RunUsage(Usage):
    """The total of a run and of what it is made of. Made by `RunUsage.of`, which keeps the two equal."""

    parts: tuple[Spent, ...] = ()
    """By depth, role and model."""
    saved_usd: float | None = None
    """What the same tokens would have cost at the root model's price, minus what was paid. None: a price is not known. See `saved`."""

    @classmethod
    def of(cls, parts: Iterable[Spent]) -> RunUsage:
        """The total of these parts. Their costs are rounded to its last binary digit, so that they add up to it exactly."""
        exact = _exact(sorted(parts, key=lambda part: (part.depth, part.role, part.model)))
        return cls(**asdict(_total(part.usage for part in exact)), parts=tuple(exact))

    @property
    def total(self) -> Usage:
        """The figures alone, equal to any `Usage` with the same."""
        return _total(part.usage for part in self.parts)

    @property
    def by_role(self) -> Mapping[str, Usage]:
        """What the calls of each role used."""
        return _grouped((part.role, part.usage) for part in self.parts)

    @property
    def by_model(self) -> Mapping[str, Usage]:
        """What the calls of each model used."""
        return _grouped((part.model, part.usage) for part in self.parts)

    @property
    def by_depth(self) -> Mapping[int, Usage]:
        """What the runs of each depth used."""
        return _grouped((part.depth, part.usage) for part in self.parts)


def saved(parts: Iterable[Spent], root_model: str, price_of: Callable[[str, Usage], float | None]) -> float | None:
    """What `parts` would have cost at the root model's price, minus what was paid; negative where they were dearer.

    Args:
        parts: of a `RunUsage`.
        root_model: its name, as `price_of` knows it.
        price_of: what a usage costs at a model's price; None where that is not known.

    Returns:
        US dollars; None where a price is not known.
    """
    difference = 0.0
    for part in parts:
        paid, instead = _cost(part.usage), price_of(root_model, part.usage)
        if paid is None or instead is None:
            return None
        difference += instead - paid
    # Costs are rounded to their last binary digit, and what is left of that would be told as a loss.
    return round(difference, 12) + 0.0 if math.isfinite(difference) else None


def _cost(usage: Usage) -> float | None:
    return usage.cost_usd if usage.calls else 0.0


def _total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def _grouped(pairs: Iterable[tuple[Key, Usage]]) -> dict[Key, Usage]:
    groups: dict[Key, Usage] = {}
    for key, usage in pairs:
        groups[key] = groups.get(key, Usage()) + usage
    return groups


def _exact(parts: list[Spent]) -> list[Spent]:
    """The parts, each cost a multiple of one power of two that is so large that no sum of them needs rounding.

    Floats do not add up alike in every order: 0.1 + (0.2 + 0.3) is not (0.1 + 0.2) + 0.3. Multiples of one quantum do, as whole numbers do.
    """
    total = sum(_cost(part.usage) or 0.0 for part in parts)
    if not math.isfinite(total):
        return parts
    quantum = math.ulp(total)
    while sum(round((_cost(part.usage) or 0.0) / quantum) for part in parts) > MANTISSA:
        quantum *= 2
    return [part if (cost := _cost(part.usage)) is None else _priced(part, round(cost / quantum) * quantum) for part in parts]


def _priced(part: Spent, cost_usd: float) -> Spent:
    return replace(part, usage=replace(part.usage, cost_usd=cost_usd)) if part.usage.calls else part
