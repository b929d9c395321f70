"""Values on their way out of a worker, which may lie, and into one: what is boxed or lies in the mail file, and what is too much.

Values from a worker are decoded by type, their dicts with str keys alone: into `Any`, msgpack would build a dict whose
keys the worker chose to collide (ints and tuples hash without a secret), and half a megabyte of them stops us for ten seconds.
"""

from __future__ import annotations

import codecs
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias, Union

import msgspec

from ..values import TEXT_CHARS, Copier, Value, ValueCaps

INLINE_BYTES = 4096
EXT_TEXT, EXT_INT, EXT_BYTES, EXT_SHORT = 1, 2, 3, 4
"""Text or bytes in the mail file, an int of more than 64 bits, bytes that lie in the frame."""
WIDE_BYTES = 16 * 2**20
"""Of texts in one frame from a worker that are not ASCII, as Python keeps them: for one character beyond U+FFFF, four bytes for each."""
GIVEN_WIDE_BYTES = 2 * WIDE_BYTES
"""Of such texts in one frame to a worker."""
_DECODER = codecs.getincrementaldecoder("utf-8")
_SPAN = struct.Struct("<QQ")


class Boxed(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """A list or a dict on its way from the worker."""

    items: list[Wired] | None = None
    fields: dict[str, Wired] | None = None


Wired: TypeAlias = Union[bool, int, float, str, msgspec.msgpack.Ext, Boxed, None]  # noqa: UP007 - recursive


class Mail(Protocol):
    """The memory file for large texts, and the bounds of what crosses.

    Attributes:
        half: bytes of each side's half.
        sent: bytes given to the worker.
    """

    caps: ValueCaps
    half: int
    sent: int

    def read_mail(self, offset: int, size: int) -> bytes:
        """A copy of what lies in the worker's half."""

    def put(self, data: bytes, offset: int) -> None:
        """Write, counted from the beginning of the file."""


class Opener(Copier):
    """Copies decoded values and opens what is boxed. One region of the mail may be named many times: each copy counts."""

    __slots__ = ("_expect", "_wide", "_wire")

    def __init__(self, wire: Mail, expect: Callable[[int], None]) -> None:
        super().__init__(wire.caps)
        self._wire, self._expect, self._wide = wire, expect, 0

    def begun(self, value: object, depth: int, waiting: list[Any]) -> Value:
        """As a `Copier` does; what is boxed is opened first."""
        if type(value) is msgspec.msgpack.Ext:
            self.count()
            return self._special(value.code, bytes(value.data))
        if type(value) is Boxed:
            value = value.fields if value.items is None else value.items
            if value is None:
                raise TypeError("an empty box")
        return super().begun(value, depth, waiting)

    def _special(self, code: int, data: bytes) -> Value:
        if code == EXT_INT and len(data) <= self.caps.digits:
            return self.number(int.from_bytes(data, "little", signed=True))
        if code == EXT_SHORT:
            self.charge(len(data))
            return data
        if code not in (EXT_TEXT, EXT_BYTES) or len(data) != _SPAN.size:
            raise ValueError("unknown extension")
        offset, size = _SPAN.unpack(data)
        self.charge(size)  # before it is read
        self._expect(size)
        return self._wire.read_mail(offset, size) if code == EXT_BYTES else self._text_at(offset, size)

    def _text_at(self, offset: int, size: int) -> str:
        # In parts, most of which are narrow: the whole may take four times as much as came.
        decoder, parts, kept, chars, width = _DECODER(), list[str](), self._wide, 0, 0
        for start in range(0, size, TEXT_CHARS):
            raw = self._wire.read_mail(offset + start, min(TEXT_CHARS, size - start))
            parts.append(decoder.decode(raw, start + TEXT_CHARS >= size))
            chars, width = chars + len(parts[-1]), max(width, _width(parts[-1]))
            self._wide = kept + chars * width
            if self._wide > WIDE_BYTES:
                raise ValueError(f"more than {WIDE_BYTES:,} bytes of text that is not ASCII")
        return "".join(parts)


def _width(text: str) -> int:
    """Bytes that Python keeps for each character, 1, 2 or 4; 0 where all are ASCII."""
    if text.isascii():
        return 0
    longer = " " * 100 + text  # a new text, beside whose characters less than 100 bytes are kept: not its UTF-8, as of others
    return (sys.getsizeof(longer) - 100) // len(longer) + 1


class Packer(Copier):
    """Copies what is plain already into what msgpack takes."""

    __slots__ = ("_used", "_wide", "_wire")

    def __init__(self, wire: Mail) -> None:
        super().__init__(wire.caps)
        self._wire, self._used, self._wide = wire, 0, 0

    def key(self, key: object) -> Any:
        """As it is."""
        return key

    def text(self, text: str) -> Any:
        """A long one goes into the mail."""
        if len(text) <= INLINE_BYTES:
            return text
        return self._mail(self._parts(text), EXT_TEXT)

    def _parts(self, text: str) -> Iterator[bytes]:
        width = 0
        for start in range(0, len(text), TEXT_CHARS):
            part = text[start : start + TEXT_CHARS]
            width = max(width, _width(part))
            yield part.encode()
        self._wide += width * len(text)
        if self._wide > GIVEN_WIDE_BYTES:
            raise ValueError(f"more than {GIVEN_WIDE_BYTES:,} bytes of text that is not ASCII, as Python keeps it; send less at a time")

    def raw(self, raw: bytes) -> Any:
        """Many go into the mail."""
        return self._mail([raw], EXT_BYTES) if len(raw) > INLINE_BYTES else raw

    def number(self, number: int) -> Any:
        """One that msgpack does not know becomes bytes."""
        if -(2**63) <= number < 2**64:
            return number
        return msgspec.msgpack.Ext(EXT_INT, number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True))

    def _mail(self, parts: Iterable[bytes], code: int) -> Any:
        wire, offset = self._wire, self._used
        for part in parts:
            if self._used + len(part) > wire.half:
                raise ValueError(f"more than {wire.half:,} bytes; send less at a time")
            wire.put(part, wire.half + self._used)
            self._used += len(part)
        size = self._used - offset
        wire.sent += size
        return msgspec.msgpack.Ext(code, _SPAN.pack(offset, size))
