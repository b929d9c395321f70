"""Messages between the auditor and a throw-away process: four bytes of length, then JSON, bounded and typed on both sides."""

from __future__ import annotations

import select
import socket
import struct
from typing import TypeVar

import msgspec

from .evidence import MESSAGE_BYTES

T = TypeVar("T")
_LENGTH = struct.Struct("<I")


class Channel:
    """One end. Not for two threads at once."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def send(self, message: object) -> None:
        """A message, whole.

        Raises:
            OSError: the other end is gone.
        """
        data = msgspec.json.encode(message)
        self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self, kind: type[T], seconds: float | None = None) -> T | None:
        """The next message.

        Args:
            seconds: for which to wait; None waits for ever.

        Returns:
            None where the other end has hung up.

        Raises:
            TimeoutError: nothing whole came in time; it may be asked again.
            ValueError: what came is no such message, or too large.
        """
        while (message := self._whole()) is None:
            if not select.select([self._socket], [], [], seconds)[0]:
                raise TimeoutError
            try:
                data = self._socket.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._buffer += data
        return msgspec.json.decode(message, type=kind)

    def _whole(self) -> bytes | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._buffer)
        if size > MESSAGE_BYTES:
            raise ValueError(f"a message of {size:,} bytes")
        if len(self._buffer) < _LENGTH.size + size:
            return None
        message = bytes(self._buffer[_LENGTH.size : _LENGTH.size + size])
        del self._buffer[: _LENGTH.size + size]
        return message
