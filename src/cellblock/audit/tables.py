"""From the tables of an attempt to the settings that it runs with. What has no place in them is the attacker's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ..limits import ExecLimits

T = TypeVar("T")


def exec_limits(limits: ExecLimits, given: Mapping[str, float]) -> ExecLimits:
    """Those limits, but for what is given. TOML knows no units, so a whole number may come as 1000.0."""
    mine = {field.name: getattr(limits, field.name) for field in fields(limits)}
    return made(ExecLimits, {**mine, **given})


def made(kind: type[T], given: Mapping[str, Any]) -> T:
    """A frozen dataclass of settings from a table: whole numbers where it wants them, tuples in place of lists."""
    wanted = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _fitting(value, wanted.get(name, "")) for name, value in given.items()})


def _fitting(value: Any, wanted: str) -> Any:
    if isinstance(value, float) and value.is_integer() and "int" in wanted:
        return int(value)
    return tuple(value) if isinstance(value, list) else value
