"""The host's end of the wire: bounded frames of a known shape, decoded into plain data, from a worker that may lie.

A frame is a little-endian u32 length and that many bytes of msgpack. Large texts do not travel in frames: they
lie in the *mail file*, a sealed memory file whose first half the worker writes and whose second half the host writes.
Nothing is ever mapped here, only copied, so a worker that changes the file under our hands changes nothing that was checked.

Values from a worker are decoded by type, their dicts with str keys alone: into `Any`, msgpack would build a dict whose
keys the worker chose to collide (ints and tuples hash without a secret), and half a megabyte of them stops us for ten seconds.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeAlias, Union

import anyio
import msgspec

from ..errors import SandboxBroken
from ..values import DEFAULT_CAPS, TEXT_CHARS, Copier, Value, ValueCaps, collector_paused

FRAME_BYTES = 2**19
"""Of one frame from a worker: more structure than this would take a tenth of a second to decode."""
WORD_BYTES = 8
"""After the two halves of the mail file: the id of the exec that is to be interrupted."""
KEPT_BYTES = 2**16
"""After that, what the cell printed and the worker has not sent yet, its size first."""
INLINE_BYTES = 4096
EXT_TEXT, EXT_INT, EXT_BYTES, EXT_SHORT = 1, 2, 3, 4
"""Text or bytes in the mail file, an int of more than 64 bits, bytes that lie in the frame."""
WIDE_BYTES = 16 * 2**20
"""Of texts in one frame from a worker that are not ASCII, as Python keeps them: for one character beyond U+FFFF, four bytes for each."""
GIVEN_WIDE_BYTES = 2 * WIDE_BYTES
"""Of such texts in one frame to a worker."""
_CHUNK = 65_536
_DECODER = codecs.getincrementaldecoder("utf-8")
_HEADER = struct.Struct("<I")
_SPAN = struct.Struct("<QQ")


class Boxed(msgspec.Struct, frozen=True, array_like=True, gc=False, forbid_unknown_fields=True):
    """A list or a dict on its way from the worker."""

    items: list[Wired] | None = None
    fields: dict[str, Wired] | None = None


Wired: TypeAlias = Union[bool, int, float, str, msgspec.msgpack.Ext, Boxed, None]  # noqa: UP007 - recursive


class Hello(msgspec.Struct, frozen=True, tag_field="t", tag="hello", forbid_unknown_fields=True):
    """The worker is locked and waits. Sent before any guest code exists."""

    layers: dict[str, str]


class Opened(msgspec.Struct, frozen=True, tag_field="t", tag="opened", forbid_unknown_fields=True):
    """The session has its context and names, or the reason why it does not take the saved state."""

    error: str | None = None


class Out(msgspec.Struct, frozen=True, tag_field="t", tag="out", forbid_unknown_fields=True):
    """Printed text."""

    text: str


class Call(msgspec.Struct, frozen=True, tag_field="t", tag="call", forbid_unknown_fields=True):
    """The cell calls a far function and waits for its answer."""

    id: int
    name: str
    args: list[Wired]
    kwargs: dict[str, Wired]


class Done(msgspec.Struct, frozen=True, tag_field="t", tag="done", forbid_unknown_fields=True):
    """The cell ended."""

    id: int
    preview: str | None = None
    error: tuple[str, str, int | None] | None = None
    limit: str | None = None
    lost: bool = False
    changed: list[str] = []
    dropped: int = 0
    final: list[Wired] | None = None
    near_calls: int = 0


class Answer(msgspec.Struct, frozen=True, tag_field="t", tag="answer", forbid_unknown_fields=True):
    """The answer to anything but an exec: a value, or an error's kind and message."""

    id: int
    value: Wired = None
    error: tuple[str, str] | None = None


Incoming = Hello | Opened | Out | Call | Done | Answer


def memory_file(name: str, size: int) -> int:
    """A descriptor of `size` zero bytes that can neither grow nor shrink; pages cost memory only once written."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return fd


def seal_memory_file(fd: int) -> None:
    """Nobody writes to it from now on.

    Raises:
        OSError: somebody has it mapped for writing.
    """
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)


class WorkerDied(SandboxBroken):
    """It hung up: it crashed, was killed by the kernel's filter, or ended itself."""


class Wire:
    """Frames to and from one worker. Every reading error is a `SandboxBroken`; the caller kills the worker.

    Attributes:
        received: bytes taken from the worker so far, mail included.
        sent: bytes given to it.
    """

    __slots__ = ("_buffer", "_decoder", "_size", "_socket", "caps", "half", "mail", "received", "sent")

    def __init__(self, connection: socket.socket, caps: ValueCaps = DEFAULT_CAPS) -> None:
        connection.setblocking(False)
        self._socket, self.caps = connection, caps
        self._buffer = bytearray()
        self._decoder = msgspec.msgpack.Decoder(Incoming)
        self._size: int | None = None
        self.half = caps.total_bytes
        self.mail = memory_file("cellblock-mail", 2 * self.half + WORD_BYTES + KEPT_BYTES)
        fcntl.fcntl(self.mail, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)  # or the worker could seal it against us
        self.received = self.sent = 0

    async def receive(self) -> Incoming:
        """The next frame. Safe to cancel: the next call goes on where this one stopped.

        Raises:
            SandboxBroken: the worker hung up, or sent something that is no frame of ours.
        """
        if self._size is None:  # else an earlier call was cancelled between header and body
            (size,) = _HEADER.unpack(await self._exactly(_HEADER.size))
            if size > FRAME_BYTES:
                raise SandboxBroken(f"the worker announced a frame of {size:,} bytes; {FRAME_BYTES:,} are allowed")
            self._size = size
        data = await self._exactly(self._size)
        self._size = None
        return self.decode(data)

    def decode(self, data: bytes) -> Incoming:
        """A frame from its bytes; its values are not checked yet, see `opening`."""
        try:
            with collector_paused() if len(data) > _CHUNK else contextlib.nullcontext():
                frame: Incoming = self._decoder.decode(data)
                return frame
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise SandboxBroken(f"the worker sent a broken frame ({type(error).__name__})") from None

    def opening(
        self, args: list[Wired], kwargs: dict[str, Wired] | None = None, *, expect: Callable[[int], None] = lambda size: None
    ) -> Generator[None, None, tuple[list[Value], dict[str, Value]]]:
        """Checked copies of decoded values, made in pieces; the caps hold for all of them together.

        Args:
            expect: told how many bytes of mail are read next; what it raises ends the work.
        """
        opened, named = list[Value](), dict[str, Value]()
        try:
            yield from _Opener(self, expect).filling([(kwargs or {}, 0, named), (args, 0, opened)])
        except (TypeError, ValueError) as error:
            raise SandboxBroken(f"the worker sent a value that cannot cross: {error}") from None
        return opened, named

    async def send(self, frame: dict[str, Any]) -> None:
        """Write one frame; values in it must have gone through `packing`.

        Raises:
            SandboxBroken: the worker hung up.
            ValueError: the frame is too large.
        """
        await self.finish(self.offer(frame))

    def offer(self, frame: dict[str, Any]) -> memoryview:
        """Write as much of a frame as the worker takes at once, mostly all of it. Returns the rest, for `finish`.

        Raises as `send` does.
        """
        data = msgspec.msgpack.encode(frame)
        if len(data) > 16 * FRAME_BYTES:
            raise ValueError(f"a message of {len(data):,} bytes to the worker; {16 * FRAME_BYTES:,} are allowed")
        self.sent += _HEADER.size + len(data)
        return self._push(memoryview(_HEADER.pack(len(data)) + data))

    async def finish(self, rest: memoryview) -> None:
        """Write the rest of a frame."""
        while rest:
            await anyio.wait_writable(self._socket)
            rest = self._push(rest)

    def _push(self, view: memoryview) -> memoryview:
        try:
            return view[self._socket.send(view) :]
        except BlockingIOError:
            return view
        except OSError as error:
            raise WorkerDied("the worker hung up") from error

    def packing(self, value: Value) -> Generator[None, None, Any]:
        """What msgpack takes for a plain `value`, its large texts moved into the mail file; made in pieces.

        Raises:
            TypeError, ValueError: it is not plain data within the caps.
        """
        return _Packer(self).copying(value)

    def ask_to_interrupt(self, exec_id: int) -> None:
        """Say which exec is meant by the next interrupt; the signal itself says nothing, and may come late."""
        self.put(exec_id.to_bytes(WORD_BYTES, "little"), 2 * self.half)

    def put(self, data: bytes, offset: int) -> None:
        """Write into the mail file.

        Raises:
            SandboxBroken: the worker did something to it.
        """
        try:
            os.pwrite(self.mail, data, offset)
        except OSError as error:
            raise SandboxBroken("the worker spoiled the mail file") from error

    def kept(self) -> str:
        """What the cell printed and the worker had no time to send. As hostile as any other text of its."""
        raw = os.pread(self.mail, KEPT_BYTES, 2 * self.half + WORD_BYTES)
        return raw[_HEADER.size :][: _HEADER.unpack_from(raw)[0]].decode("utf-8", "replace")

    def close(self) -> None:
        """Close the socket and the mail file."""
        self._socket.close()
        if self.mail >= 0:
            os.close(self.mail)
            self.mail = -1

    async def _exactly(self, size: int) -> bytes:
        buffer = self._buffer
        while len(buffer) < size:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
                continue
            except OSError as error:
                raise WorkerDied("the worker hung up") from error
            if not data:
                raise WorkerDied("the worker died")
            buffer += data
        taken = bytes(buffer[:size])
        del buffer[:size]
        self.received += size
        return taken

    def read_mail(self, offset: int, size: int) -> bytes:
        """A copy of what lies in the worker's half of the mail file."""
        if offset + size > self.half:
            raise ValueError("mail beyond its half")
        self.received += size
        return os.pread(self.mail, size, offset)


class _Opener(Copier):
    """Copies decoded values and opens what is boxed. One region of the mail may be named many times: each copy counts."""

    __slots__ = ("_expect", "_wide", "_wire")

    def __init__(self, wire: Wire, expect: Callable[[int], None]) -> None:
        super().__init__(wire.caps)
        self._wire, self._expect, self._wide = wire, expect, 0

    def begun(self, value: object, depth: int, waiting: list[Any]) -> Value:
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


class _Packer(Copier):
    """Copies what is plain already into what msgpack takes."""

    __slots__ = ("_used", "_wide", "_wire")

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.caps)
        self._wire, self._used, self._wide = wire, 0, 0

    def key(self, key: object) -> Any:
        return key

    def text(self, text: str) -> Any:
        if len(text) <= INLINE_BYTES:
            return text
        return self._mail(self._parts(text), EXT_TEXT)

    def _parts(self, text: str) -> Iterator[bytes]:
        width, narrow = 0, text.isascii()
        for start in range(0, len(text), TEXT_CHARS):
            part = text[start : start + TEXT_CHARS]
            width = width if narrow else max(width, _width(part))
            yield part.encode()
        self._wide += width * len(text)
        if self._wide > GIVEN_WIDE_BYTES:
            raise ValueError(f"more than {GIVEN_WIDE_BYTES:,} bytes of text that is not ASCII, as Python keeps it; send less at a time")

    def raw(self, raw: bytes) -> Any:
        return self._mail([raw], EXT_BYTES) if len(raw) > INLINE_BYTES else raw

    def number(self, number: int) -> Any:
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
