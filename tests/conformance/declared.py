"""What a sandbox says of itself: its `sandbox.toml` and its `LIMITATIONS.md`, beside its driver."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cellblock.repl.registry import find_sandbox

_SECTION = re.compile(r"^#{2,3} +(?P<title>.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def folder_of(sandbox: str) -> Path:
    """Where the sandbox's files lie."""
    return find_sandbox(sandbox).driver.parent


@cache
def table_of(sandbox: str) -> dict[str, Any]:
    """Its `sandbox.toml`."""
    return tomllib.loads((folder_of(sandbox) / "sandbox.toml").read_text("utf-8"))


def declared_differences(sandbox: str) -> dict[str, str]:
    """Case ids whose outcome is another one there, with the reason."""
    return dict(table_of(sandbox).get("differences", {}))


@dataclass(frozen=True)
class Section:
    """One limitation: what it says, and the blocks of Python that show what to write instead."""

    title: str
    text: str
    blocks: tuple[str, ...]


def limitations(sandbox: str) -> list[Section]:
    """The sections of the sandbox's `LIMITATIONS.md`."""
    parts = _SECTION.split((folder_of(sandbox) / "LIMITATIONS.md").read_text("utf-8"))
    return [Section(title, text, tuple(_BLOCK.findall(text))) for title, text in zip(parts[1::2], parts[2::2], strict=True)]
