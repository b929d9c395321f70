"""Plain data to bytes and back: msgpack, with ints of any size."""

from __future__ import annotations

from typing import Any

import msgspec

_BIG_INT = 1
_ENCODER = msgspec.msgpack.Encoder()


def pack(data: object) -> bytes:
    """Plain data (dataclasses and structs too) as msgpack.

    Raises:
        TypeError: something in it is not plain data.
    """
    try:
        return _ENCODER.encode(data)
    except OverflowError:
        # msgpack ends at 64 bits. Only then is the walk worth its time.
        try:
            return _ENCODER.encode(_without_big_ints(msgspec.to_builtins(data, builtin_types=(bytes,))))
        except OverflowError:
            raise TypeError("a key of a dict is no text") from None


def unpack(data: bytes) -> Any:
    """What `pack` packed; dataclasses come back as dicts, tuples as lists.

    Raises:
        ValueError: the bytes are not msgpack.
    """
    try:
        return msgspec.msgpack.decode(data, ext_hook=_ext_hook)
    except (msgspec.DecodeError, RecursionError, TypeError) as error:
        # TypeError: not even bytes, or a key that cannot be one.
        raise ValueError(f"not msgpack: {error}") from error


def _without_big_ints(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_big_ints(item) for key, item in data.items()}
    if isinstance(data, list):
        return [_without_big_ints(item) for item in data]
    if isinstance(data, int) and not -(2**63) <= data < 2**64:
        return msgspec.msgpack.Ext(_BIG_INT, data.to_bytes(data.bit_length() // 8 + 1, "big", signed=True))
    return data


def _ext_hook(code: int, data: memoryview) -> int:
    if code != _BIG_INT:
        raise ValueError(f"unknown extension {code}")
    return int.from_bytes(data, "big", signed=True)
