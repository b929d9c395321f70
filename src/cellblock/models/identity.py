"""What shapes a model's answers, as one text that a cache's key can hold."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec


def identity_text(kind: str, *parts: object, sampling: Mapping[str, Any] | None = None) -> str:
    """An unambiguous text of all that is given; equal texts mean equal parts. Give no key."""
    return msgspec.json.encode([kind, *parts, sorted((sampling or {}).items())]).decode()


def own_token() -> str:
    """A text that no other object has, in this process or any other: for code, whose text nobody can compare."""
    return secrets.token_hex(8)
