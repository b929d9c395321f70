"""What goes with an error of a cell: an alternative that works in this sandbox, from its `sandbox.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SEARCHED_CHARS = 500
"""Of an error's message: what names the cause stands at its beginning."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One alternative. It fits where the kind is the same (or none is given) and the message holds `match`."""

    match: str
    say: str
    kind: str | None = None

    def fits(self, kind: str, message: str) -> bool:
        """Whether it goes with that error."""
        return self.kind in (None, kind) and self.match in message


def of_sandbox(folder: Path) -> tuple[Advice, ...]:
    """The advice of the sandbox in `folder`; empty where its `sandbox.toml` has none.

    Raises:
        OSError, ValueError, TypeError: the file is not there, or not as it should be.
    """
    table = tomllib.loads((folder / "sandbox.toml").read_text(encoding="utf-8"))
    return tuple(Advice(**entry) for entry in table.get("advice", ()))


def advised(advice: Sequence[Advice], kind: str, message: str) -> str:
    """The message, and after it the first advice that fits."""
    head = message[:SEARCHED_CHARS]
    found = next((one.say for one in advice if one.fits(kind, head)), None)
    return message if found is None else f"{message}\n{found}"
