"""Times of records in words; empty where a record has none."""

from __future__ import annotations

import time


def stamp(at: float) -> str:
    """As every program reads it."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    except (OverflowError, ValueError, OSError):
        return ""


def day(at: float) -> str:
    """By the clock on the wall, as people here read it."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return ""
