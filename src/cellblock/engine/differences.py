"""Where two pieces of plain data first differ, in one line."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

AROUND_CHARS = 40
PLACE_CHARS = 200
_NOTHING = object()


def difference(recorded: Any, now: Any, at: str = "") -> str | None:
    """The first place where they differ and what stands there, such as `, at messages[0].content[12]: …`; None where they are equal."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*recorded, *now]):
            inner = f"{at}.{_key(key)}" if at else _key(key)
            if (found := difference(recorded.get(key, _NOTHING), now.get(key, _NOTHING), inner)) is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(now, list):
        for index, (one, other) in enumerate(zip_longest(recorded, now, fillvalue=_NOTHING)):
            if (found := difference(one, other, f"{at}[{index}]")) is not None:
                return found
        return None
    if isinstance(recorded, str) and isinstance(now, str):
        return _of_texts(recorded, now, at)
    # By type, too: 1, 1.0 and True are equal. And not a number is equal to nothing.
    if type(recorded) is type(now) and (recorded == now or (recorded != recorded and now != now)):
        return None
    return f"{_place(at)}: {_shown(recorded)} is now {_shown(now)}"


def _of_texts(recorded: str, now: str, at: str) -> str | None:
    if recorded == now:
        return None
    pairs = enumerate(zip(recorded, now, strict=False))
    place = next((index for index, (one, other) in pairs if one != other), min(len(recorded), len(now)))
    start = max(0, place - AROUND_CHARS // 2)
    old, new = (repr(text[start : start + AROUND_CHARS]) for text in (recorded, now))
    return f"{_place(f'{at}[{place}]')}: {old} is now {new}"


def _key(key: Any) -> str:
    """A cell may have chosen it."""
    text = str(key)
    return text if text.isidentifier() and len(text) <= AROUND_CHARS else repr(text[:AROUND_CHARS])


def _place(at: str) -> str:
    if len(at) > PLACE_CHARS:
        at = f"{at[: PLACE_CHARS // 2]}…{at[-PLACE_CHARS // 2 :]}"
    return f", at {at}" if at else ""


def _shown(value: object) -> str:
    if value is _NOTHING:
        return "nothing"
    try:
        text = repr(value)
    except ValueError:
        # CPython writes no int of more than 4,300 digits.
        text = f"a long {type(value).__name__}"
    return text if len(text) <= 2 * AROUND_CHARS else text[: 2 * AROUND_CHARS] + "…"
