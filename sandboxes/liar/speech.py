"""What a script of the liar says in TOML or JSON, as bytes: frames with values that no honest worker sends."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

HONEST_END: dict[str, Any] = {
    "t": "done", "preview": None, "error": None, "limit": None, "lost": False, "changed": [], "dropped": 0, "final": None, "near_calls": 0,
}  # fmt: skip
"""Of a cell, without the id."""


def pieces(text: str | Sequence[Any]) -> str:
    """A text as it is, or in pieces: `["ab", ["c", 1000]]`."""
    if isinstance(text, str):
        return text
    return "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in text)


def raw(text: str | Sequence[Any]) -> bytes:
    """The bytes behind hexadecimal digits."""
    return bytes.fromhex(pieces(text))


def framed(data: bytes) -> bytes:
    """A frame that holds these bytes, whatever they are."""
    return struct.pack("<I", len(data)) + data


def frame(fields: Mapping[str, Any], request: int) -> bytes:
    """A well-formed frame with these fields.

    Args:
        request: the id of what was asked, which `@ID@` stands for.
    """
    return framed(msgspec.msgpack.encode({name: spoken(value, request) for name, value in fields.items()}))


def spoken(value: Any, request: int) -> Any:
    """A value of a script as msgpack takes it.

    `@NIL@` is None, `@ID@` the request's id; `{hex}` bytes, `{text}` a text in pieces, `{of, times}` a list of equals, `{nest, of}` lists
    around it, `{ext, hex}` an extension, `{ext, span}` one that names a place in the mail file.
    """
    if isinstance(value, list):
        return [spoken(item, request) for item in value]
    if not isinstance(value, dict):
        return {"@NIL@": None, "@ID@": request}.get(value, value) if isinstance(value, str) else value
    if "ext" in value:
        data = struct.pack("<QQ", *value["span"]) if "span" in value else raw(value["hex"])
        return msgspec.msgpack.Ext(value["ext"], data)
    return _made(value, request)


def _made(value: dict[str, Any], request: int) -> Any:
    if set(value) == {"hex"}:
        return raw(value["hex"])
    if set(value) == {"text"}:
        return pieces(value["text"])
    if set(value) == {"of", "times"}:
        return [spoken(value["of"], request)] * value["times"]
    if set(value) == {"of", "nest"}:
        inner = spoken(value["of"], request)
        for _ in range(value["nest"]):
            inner = [inner]
        return inner
    return {key: spoken(item, request) for key, item in value.items()}
