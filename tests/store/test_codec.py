from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.store.codec import pack, unpack

SCALARS = st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**70) | st.floats(allow_nan=False) | st.binary()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01", b"\xd4\x07x", b"\x91" * 100_000, b"\x81\x80\x01", "text", 5, None])
def test_what_is_not_ours_is_a_value_error(data: Any) -> None:
    with pytest.raises(ValueError):
        unpack(data)


def test_a_key_that_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a key of a dict is no text"):
        pack({2**70: 1})
