"""The worker's end of the wire: length-prefixed msgpack, and large texts in a memory file that both sides hold.

The host's end is `src/cellblock/repl/wire.py`; it trusts nothing that is written here.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import struct
import sys
from typing import Any

import msgspec

INLINE_BYTES = 4096
"""A longer text goes into the mail file, so that a frame stays small."""
INLINE_TOTAL_BYTES = 2**17
"""Of short texts in one frame; further ones go into the mail file too."""
WIDE_BYTES = 16 * 2**20
"""Of texts in one frame that are not ASCII, as Python keeps them: for one character beyond U+FFFF, four bytes for each of a text's."""
PART_CHARS = 2**20
"""Of a long text are looked at at once."""
FRAME_BYTES = 2**19
WORD_BYTES = 8
"""After the two halves of the mail file: the id of the exec that the host wants interrupted."""
KEPT_BYTES = 2**16
"""After that: what a cell printed and was not sent yet, its size first. The host reads it when it has to kill the cell."""
_KEPT_HEAD = 4
GIVEN_BACK_BYTES = 2**22
"""Of mail that was read; so much is memory that nobody needs."""
SPARE_BYTES = 2**16
"""Of a frame, for what goes with a value: the preview, an error, the names that changed."""
EXT_TEXT, EXT_INT, EXT_BYTES, EXT_SHORT = 1, 2, 3, 4


class Caps(msgspec.Struct, frozen=True):
    """How much one value may hold; the host sends its own."""

    total_bytes: int
    items: int
    depth: int
    digits: int


class HostGone(BaseException):
    """The host closed the socket: there is nobody left to work for."""


class Wire:
    """Frames to and from the host, one at a time."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.mail: mmap.mmap | None = None
        self.half = self._kept = 0
        self.used = self._read = 0
        """Of our half of the mail, of the host's."""
        self.caps = Caps(0, 0, 0, 0)
        self._decoder = msgspec.msgpack.Decoder(ext_hook=self._read_ext)

    def attach(self, mail_fd: int, mail_bytes: int, caps: Caps) -> None:
        """Take the mail file: its first half is ours to write, its second the host's. The descriptor is not needed any more."""
        if self.mail is not None:
            self.mail.close()
        self.mail, self.half, self.caps = mmap.mmap(mail_fd, mail_bytes + WORD_BYTES + KEPT_BYTES), mail_bytes // 2, caps
        os.close(mail_fd)

    def to_interrupt(self) -> int:
        """The id of the exec that the host wants interrupted; 0 for none yet."""
        return 0 if self.mail is None else int.from_bytes(self.mail[2 * self.half : 2 * self.half + WORD_BYTES], "little")

    def keep(self, text: str | None) -> None:
        """Leave printed text where the host finds it; None once all so far is sent."""
        assert self.mail is not None
        size = 2 * self.half + WORD_BYTES
        if text is None:
            self._kept = 0
        else:
            start = size + _KEPT_HEAD + self._kept
            raw = text.encode("utf-8", "backslashreplace")[: KEPT_BYTES - _KEPT_HEAD - self._kept]
            self.mail[start : start + len(raw)] = raw
            self._kept += len(raw)
        self.mail[size : size + _KEPT_HEAD] = self._kept.to_bytes(_KEPT_HEAD, "little")

    def send(self, frame: dict[str, Any]) -> None:
        """Write one frame; values in it must have been packed."""
        self.write(self.encoded(frame))

    def encoded(self, frame: dict[str, Any]) -> bytes:
        """The bytes of one frame.

        Raises:
            ValueError: they are too many.
        """
        data = msgspec.msgpack.encode(frame)
        if len(data) > FRAME_BYTES:
            raise ValueError("more structure than one message may hold; send less at a time")
        return struct.pack("<I", len(data)) + data

    def write(self, data: bytes) -> None:
        """Write a frame's bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]

    def receive(self) -> dict[str, Any]:
        """The next frame of the host, which has read by then what it was sent."""
        (size,) = struct.unpack("<I", self._exactly(4))
        self._give_back(0, self.used)
        frame: dict[str, Any] = self._decoder.decode(self._exactly(size))
        self._give_back(self.half, self._read)
        self.used = self._read = 0
        return frame

    def fits(self, value: Any) -> None:
        """Whether a plain value can be sent at all.

        Raises:
            TypeError, ValueError: it cannot; the message says why.
        """
        if len(msgspec.msgpack.encode(self.packer().pack(value))) > FRAME_BYTES - SPARE_BYTES:
            raise ValueError("more structure than one message may hold; send less, or join it into one text")

    def packer(self) -> Packer:
        """A packer for the values of one frame."""
        return Packer(self)

    def _exactly(self, size: int) -> bytes:
        data = os.read(self.fd, size)
        while len(data) < size:
            more = os.read(self.fd, size - len(data))
            if not more:
                raise HostGone
            data += more
        return data

    def _read_ext(self, code: int, data: memoryview) -> Any:
        if code == EXT_INT:
            return int.from_bytes(data, "little", signed=True)
        offset, size = struct.unpack("<QQ", data)
        if self.mail is None:
            raise ValueError("a large value before the mail file")
        raw = self.mail[self.half + offset : self.half + offset + size]
        self._read = max(self._read, offset + size)
        self._give_back(self.half + offset, size)  # before the text is here twice
        return raw if code == EXT_BYTES else raw.decode()

    def _give_back(self, start: int, size: int) -> None:
        if size >= GIVEN_BACK_BYTES and self.mail is not None:
            first, end = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, (start + size) // mmap.PAGESIZE * mmap.PAGESIZE
            with contextlib.suppress(OSError):  # where no holes can be made, it stays
                self.mail.madvise(mmap.MADV_REMOVE, first, end - first)


class Packer:
    """Checks plain data and moves its large parts into the mail file.

    A list becomes `[items]` and a dict `[None, fields]`: the host tells them apart by type, and takes no other keys than str.
    """

    __slots__ = ("_inline", "_items", "_size", "_used", "_wide", "_wire")

    def __init__(self, wire: Wire) -> None:
        self._wire, self._items, self._size, self._used, self._inline, self._wide = wire, 0, 0, 0, 0, 0

    def pack(self, value: Any, depth: int = 0) -> Any:
        """What msgpack takes for `value`.

        Raises:
            TypeError: it is not plain data; the message says what to do.
            ValueError: it is larger or deeper than the caps.
        """
        self._items += 1
        caps = self._wire.caps
        if self._items > caps.items:
            raise ValueError(f"more than {caps.items:,} items; send less, or join them into one text")
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str or kind is bytes:
            self._fits(len(value))  # before it is here once more
            if kind is str and not value.isascii():
                self._keep(value)
            return self._blob(_utf8(value) if kind is str else value, value)
        if kind is int:
            return self._number(value)
        if depth >= caps.depth:
            raise ValueError(f"nested more than {caps.depth} deep; flatten it")
        return self._container(value, kind, depth + 1)

    def _container(self, value: Any, kind: type, depth: int) -> Any:
        if kind is list or kind is tuple:
            return [[self.pack(item, depth) for item in value]]
        if kind is dict:
            if any(type(key) is not str for key in value):
                raise TypeError("a dict whose keys are not all str cannot cross; use {str(k): v for k, v in d.items()}")
            return [None, {self.key(key): self.pack(item, depth) for key, item in value.items()}]
        hint = (
            "use sorted(...) or list(...)" if kind in (set, frozenset) else "only None, bool, int, float, str, bytes, list and dict cross"
        )
        raise TypeError(f"a {kind.__name__} cannot cross; {hint}")

    def key(self, key: str) -> str:
        """The key of a dict."""
        self._charge(len(_utf8(key)))
        if len(key) > INLINE_BYTES:
            raise ValueError(f"a dict key of {len(key):,} characters; use a shorter one")
        return key

    def _number(self, value: int) -> Any:
        if -(2**63) <= value < 2**64:
            return value
        if value.bit_length() > int(self._wire.caps.digits * math.log2(10)):
            raise ValueError(f"an int of more than {self._wire.caps.digits:,} digits; send it as text")
        return msgspec.msgpack.Ext(EXT_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))

    def _blob(self, raw: bytes, value: str | bytes) -> Any:
        wire = self._wire
        self._charge(len(raw))
        if wire.mail is None or (len(raw) <= INLINE_BYTES and self._inline + len(raw) <= INLINE_TOTAL_BYTES):
            self._inline += len(raw)
            return value if type(value) is str else msgspec.msgpack.Ext(EXT_SHORT, raw)
        offset = self._used
        self._used += len(raw)
        wire.mail[offset : self._used] = raw
        wire.used = max(wire.used, self._used)
        return msgspec.msgpack.Ext(EXT_BYTES if type(value) is bytes else EXT_TEXT, struct.pack("<QQ", offset, len(raw)))

    def _keep(self, text: str) -> None:
        self._wide += len(text) * max(_width(text[start : start + PART_CHARS]) for start in range(0, len(text), PART_CHARS))
        if self._wide > WIDE_BYTES:
            raise ValueError(
                f"more than {WIDE_BYTES:,} bytes of text that is not ASCII: one emoji makes four bytes of each character; send it in parts"
            )

    def _charge(self, size: int) -> None:
        self._fits(size)
        self._size += size

    def _fits(self, size: int) -> None:
        if self._size + size > self._wire.caps.total_bytes:
            raise ValueError(f"more than {self._wire.caps.total_bytes:,} bytes; send less at a time")


def _width(text: str) -> int:
    """Bytes that Python keeps for each character: 1, 2 or 4."""
    longer = " " * 100 + text  # a new text, beside whose characters less than 100 bytes are kept: not its UTF-8, as of others
    return (sys.getsizeof(longer) - 100) // len(longer) + 1


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a lone surrogate at character {error.start:,} is no text; leave it out, or send bytes") from None
