"""What a worker may write into its socket: good frames, damaged ones, shapes made to hurt whoever decodes them, noise.

A frame is the body alone, msgpack as it travels; on the wire the four bytes of its length stand before it.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from hypothesis import strategies as st

from ..repl.crossing import EXT_BYTES, EXT_INT, EXT_SHORT, EXT_TEXT
from .damage import damaged

_NAMES = st.one_of(st.sampled_from(["f", "llm_query", "FINAL", "vfs__read", "", "os.system"]), st.text(max_size=8))
_IDS = st.one_of(st.integers(0, 3), st.integers(-(2**63), 2**64 - 1))
_SHORT = st.text(max_size=12)
_FAR = 2**40


def frames() -> st.SearchStrategy[bytes]:
    """Bodies of frames, most of which are not as they should be: of good ones, damaged ones, hostile shapes and noise."""
    good = good_frames()
    return st.one_of(good, good.flatmap(damaged), good.flatmap(damaged), hostile_frames(), st.binary(max_size=200))


def good_frames() -> st.SearchStrategy[bytes]:
    """Bodies of frames that say what a frame can say. What it says need not be true."""
    return st.one_of(
        _frame("hello", layers=st.dictionaries(_SHORT, _SHORT, max_size=4)),
        _frame("opened", error=st.none() | _SHORT),
        _frame("out", text=st.text(max_size=60)),
        _frame("call", id=_IDS, name=_NAMES, args=st.lists(_wired(), max_size=4), kwargs=st.dictionaries(_NAMES, _wired(), max_size=3)),
        _done(),
        _frame("answer", id=_IDS, value=_wired(), error=st.none() | st.tuples(_SHORT, _SHORT)),
    )


def hostile_frames() -> st.SearchStrategy[bytes]:
    """Bodies that are small and announce much, nest deep, name one thing many times, or hold keys that were made to collide."""
    nested = st.builds(lambda opening, depth: opening * depth + b"\x90", st.sampled_from([b"\x91", b"\x81\xa1k", b"\x92\xc0"]), _depths())
    announced = st.builds(
        lambda marker, count: marker + struct.pack(">I", count),
        st.sampled_from([b"\xdb", b"\xc6", b"\xdd", b"\xdf"]),
        st.integers(0, 2**32 - 1),
    )
    many = st.builds(lambda item, count: b"\xdd" + struct.pack(">I", count) + item * count, _items(), st.integers(0, 5_000))
    keys = st.builds(_colliding, st.sampled_from(["int", "list", "text"]), st.integers(1, 2_000))
    wrong = st.builds(
        lambda code, data: msgspec.msgpack.encode(msgspec.msgpack.Ext(code, data)), st.integers(-128, 127), st.binary(max_size=40)
    )
    content = st.one_of(nested, announced, many, keys, wrong, st.just(b"\xa2\xff\xfe"))
    return st.one_of(content, content.map(_as_argument), content.map(_as_final))


def _frame(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.fixed_dictionaries({"t": st.just(kind), **fields}).map(msgspec.msgpack.encode)


def _done() -> st.SearchStrategy[bytes]:
    return _frame(
        "done",
        id=_IDS,
        preview=st.none() | _SHORT,
        error=st.none() | st.tuples(_SHORT, _SHORT, st.none() | _IDS),
        limit=st.none() | st.sampled_from(["memory_bytes", "interrupted", "wall_seconds"]) | _SHORT,
        lost=st.booleans(),
        changed=st.lists(_SHORT, max_size=4),
        dropped=_IDS,
        final=st.none() | st.lists(_wired(), max_size=2),
        near_calls=_IDS,
    )


def _wired() -> st.SearchStrategy[Any]:
    """A value as it travels: a container is a list of its items, or of nothing and its fields."""
    scalars = st.one_of(st.none(), st.booleans(), _IDS, st.floats(), _SHORT, _extensions())
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: [items]),
            st.dictionaries(_SHORT, inner, max_size=3).map(lambda fields: [None, fields]),
        ),
        max_leaves=12,
    )


def _extensions() -> st.SearchStrategy[Any]:
    places = st.one_of(st.integers(0, 64), st.integers(0, _FAR), st.integers(0, 2**64 - 1))
    spans = st.builds(lambda offset, size: struct.pack("<QQ", offset, size), places, places)
    return st.one_of(
        st.builds(msgspec.msgpack.Ext, st.sampled_from([EXT_TEXT, EXT_BYTES]), spans),
        st.builds(msgspec.msgpack.Ext, st.sampled_from([EXT_INT, EXT_SHORT, EXT_TEXT]), st.binary(max_size=30)),
    )


def _items() -> st.SearchStrategy[bytes]:
    return st.sampled_from([b"\xc0", b"\x90", b"\x91\x90", b"\x92\xc0\x80", b"\x91\x91\xc0", b"\xa1x", b"\x80"])


def _depths() -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, 60), st.integers(0, 3_000))


def _colliding(kind: str, count: int) -> bytes:
    # Ints and tuples hash without a secret: multiples of this prime all hash alike.
    keys: list[Any] = [n * (2**61 - 1) % 2**64 for n in range(count)]
    if kind != "int":
        keys = [[n, n] for n in range(count)] if kind == "list" else ["k" * (n % 3) for n in range(count)]
    return b"\xdf" + struct.pack(">I", count) + b"".join(msgspec.msgpack.encode(key) + b"\xc0" for key in keys)


def _as_argument(content: bytes) -> bytes:
    return b"\x85\xa1t\xa4call\xa2id\x01\xa4name\xa1f\xa6kwargs\x80\xa4args\x91" + content


def _as_final(content: bytes) -> bytes:
    return b"\x83\xa1t\xa4done\xa2id\x01\xa5final\x91" + content
