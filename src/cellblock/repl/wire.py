"""The host's end of the wire: bounded frames of a known shape, decoded into plain data, from a worker that may lie.

A frame is a little-endian u32 length and that many bytes of msgpack. Large texts do not travel in frames: they
lie in the *mail file*, a sealed memory file whose first half the worker writes and whose second half the host writes.
Nothing is ever mapped here, only copied, so a worker that changes the file under our hands changes nothing that was checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any

import anyio
import msgspec

from ..errors import SandboxBroken
from ..values import DEFAULT_CAPS, Value, ValueCaps, collector_paused
from .crossing import Opener, Packer, Wired

FRAME_BYTES = 2**19
"""Of one frame from a worker: more structure than this would take a tenth of a second to decode."""
WORD_BYTES = 8
"""After the two halves of the mail file: the id of the exec that is to be interrupted."""
KEPT_BYTES = 2**16
"""After that, what the cell printed and the worker has not sent yet, its size first."""
_CHUNK = 65_536
_HEADER = struct.Struct("<I")


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
            yield from Opener(self, expect).filling([(kwargs or {}, 0, named), (args, 0, opened)])
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
        return Packer(self).copying(value)

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
