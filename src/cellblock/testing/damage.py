"""Bytes with damage: changed, cut, put in, doubled, moved."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

MOST_EDITS = 5
LONGEST_PIECE = 40
_FAR = 2**16
"""Places are drawn up to this, and wrapped around: so an edit means something whatever the length."""
_TELLING = [0x00, 0x01, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0xC0, 0xC1, 0xC6, 0xC7, 0xCB, 0xD3, 0xD9, 0xDB, 0xDC, 0xDD, 0xDF, 0xE0, 0xFF]
"""Where an encoding changes its mind: signs, the ends of ranges, what msgpack's markers are."""

Edit = tuple[str, int, int, bytes]


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """`good` after one to five edits, never `good` itself. Edits are of single bytes, of pieces, or cut off an end."""
    return st.lists(_edits(), min_size=1, max_size=MOST_EDITS).map(lambda edits: _edited(good, edits)).filter(lambda data: data != good)


def _edits() -> st.SearchStrategy[Edit]:
    places = st.integers(0, _FAR)
    piece = st.one_of(st.sampled_from(_TELLING).map(lambda byte: bytes([byte])), st.binary(min_size=1, max_size=8))
    return st.tuples(
        st.sampled_from(["set", "set", "set", "put", "cut", "double", "move", "end"]), places, st.integers(1, LONGEST_PIECE), piece
    )


def _edited(good: bytes, edits: Sequence[Edit]) -> bytes:
    data = good
    for kind, place, size, piece in edits:
        at = place % (len(data) + 1)
        data = _one_edit(data, kind, at, size, piece)
    return data


def _one_edit(data: bytes, kind: str, at: int, size: int, piece: bytes) -> bytes:
    match kind:
        case "set":
            return data[:at] + piece + data[at + len(piece) :]
        case "put":
            return data[:at] + piece + data[at:]
        case "cut":
            return data[:at] + data[at + size :]
        case "double":
            return data[: at + size] + data[at:]
        case "move":
            return data[at + size :] + data[at : at + size] + data[:at]
        case _:
            return data[:at]
