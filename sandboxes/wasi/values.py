"""How values cross between worker and guest: JSON with tags for what JSON lacks, long texts beside it.

Built into the guest too, so standard library alone. Layout: lengths, a line end, the JSON, then the long texts one after the other.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from typing import Any

VALUE, TEXT, ERROR, DONE = range(4)
"""The number before a text: `pack` made it, it is the value itself, `pack` made it of an exception's kind and message, or it is what is
left to print of a cell that ended well and shows nothing."""
CELL, SHOWN_CELL, OPEN, BIND, NAME, LONG_TEXT, NAMES, GET, FORGET, ABOUT = range(10)
"""What the worker asks for. `NAME` says which variable the next `LONG_TEXT` becomes, which goes in without packing."""
LONG_CHARS = 512
"""A longer text is not scanned and quoted: it goes beside the JSON."""
DEPTH = 60
TUPLE, BYTES, INTEGER, DICT, LONG, LONE = "$u", "$b", "$i", "$d", "$t", "$s"
_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
_decode_plain = json.JSONDecoder().decode


def pack(value: Any) -> str:
    """`value` as one text that can always be encoded.

    Raises:
        TypeError: something in it is not plain data. Tuples are, and stay tuples.
        ValueError: nested too deep.
    """
    texts: list[str] = []
    body = _encode(_tagged(value, texts, 0))
    if not texts:
        return f"{len(body)}\n{body}"
    return ",".join(map(str, map(len, (body, *texts)))) + "\n" + body + "".join(texts)


def unpack(text: str) -> Any:
    """What was packed. Safe on any text.

    Raises:
        ValueError: `pack` does not make such a text.
    """
    end = text.find("\n")
    sizes = [int(size) for size in text[:end].split(",")] if end > 0 else [-1]
    if min(sizes) < 0 or sum(sizes) != len(text) - end - 1:
        raise ValueError("lengths that do not fit")
    start = end + 1 + sizes[0]
    body = text[end + 1 : start]
    try:
        if '"$' not in body:
            return _decode_plain(body)
        return json.JSONDecoder(object_hook=_Untag(text, start, sizes[1:])).decode(body)
    except (RecursionError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"{type(error).__name__} in a packed value") from None


def sendable(text: str) -> bool:
    """Whether it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tagged(value: Any, texts: list[str], depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is str:
        return _text(value, texts)
    if kind is int:
        return value if -(2**63) <= value < 2**63 else {INTEGER: format(value, "x")}
    if kind is bytes:
        return {BYTES: _text(binascii.b2a_base64(value, newline=False).decode("ascii"), texts)}
    if depth >= DEPTH:
        raise ValueError("nested too deep to cross; flatten it")
    if kind is list:
        return [_tagged(item, texts, depth + 1) for item in value]
    if kind is tuple:
        return {TUPLE: [_tagged(item, texts, depth + 1) for item in value]}
    if kind is dict:
        return _dict(value, texts, depth + 1)
    raise TypeError(f"a {kind.__name__} cannot cross; only None, bool, int, float, str, bytes, list and dict cross")


def _text(value: str, texts: list[str]) -> Any:
    if not sendable(value):
        return _lone(value)
    if len(value) <= LONG_CHARS:
        return value
    texts.append(value)
    return {LONG: len(texts) - 1}


def _lone(value: str) -> dict[str, str]:
    # JSON would make one character of two lone surrogates that happen to be a pair.
    return {LONE: value.encode("utf-8", "surrogatepass").hex()}


def _dict(value: dict[Any, Any], texts: list[str], depth: int) -> Any:
    if any(type(key) is not str for key in value):
        raise TypeError("a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}")
    if any(key.startswith("$") or not sendable(key) for key in value):
        return {DICT: [[key if sendable(key) else _lone(key), _tagged(item, texts, depth)] for key, item in value.items()]}
    return {key: _tagged(item, texts, depth) for key, item in value.items()}


class _Untag:
    """Puts back what the tags stand for, innermost first."""

    def __init__(self, text: str, start: int, sizes: list[int]) -> None:
        self.text, self.ends = text, [start]
        self.long: dict[int, str] = {}
        for size in sizes:
            self.ends.append(self.ends[-1] + size)
        self.tags: dict[str, tuple[type, Callable[[Any], Any]]] = {
            TUPLE: (list, tuple),
            BYTES: (str, binascii.a2b_base64),
            INTEGER: (str, lambda value: int(value, 16)),
            DICT: (list, lambda value: {_key(key): item for key, item in value}),
            LONG: (int, self._long),
            LONE: (str, lambda value: bytes.fromhex(value).decode("utf-8", "surrogatepass")),
        }

    def __call__(self, found: dict[str, Any]) -> Any:
        if len(found) != 1:
            return found
        ((tag, value),) = found.items()
        kind, untag = self.tags.get(tag, (None, None))
        return untag(value) if untag is not None and type(value) is kind else found

    def _long(self, number: int) -> str:
        if number < 0:
            raise ValueError("a text before the first")
        if number not in self.long:
            self.long[number] = self.text[self.ends[number] : self.ends[number + 1]]
        return self.long[number]


def _key(key: Any) -> str:
    if type(key) is not str:
        raise ValueError("a key that is no text")
    return key
