"""The line that says where two pieces of plain data differ: short, and one line, whatever a cell has put into them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine.differences import difference
from cellblock.engine.record import plain

keys = st.text("ab\n\x1b[]'", max_size=4)
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(data)
def test_what_is_the_same_has_no_difference(value: Any):
    assert difference(plain(value), plain(value)) is None


@given(data, data)
def test_a_difference_is_one_short_line_without_control_characters(one: Any, other: Any):
    found = difference(plain(one), plain(other))
    assert found is None or (found.isprintable() and len(found) < 700)


@pytest.mark.parametrize("key", ["a\nb", "\x1b[2J", "k" * 100_000])
def test_a_hostile_key_is_quoted_and_cut_short(key: str):
    found = difference({key: {"inner": 1}}, {key: {"inner": 2}})
    assert found is not None and found.isprintable() and len(found) < 300


def test_a_deep_value_is_told_in_a_short_line():
    one, other = 1, 2
    for _ in range(32):
        one, other = {"k" * 200: one}, {"k" * 200: other}  # type: ignore[assignment]
    found = difference(one, other)
    assert found is not None and len(found) < 700


def test_a_number_that_is_too_long_to_be_written_is_told():
    assert difference([10**5_000], [1]) == ", at [0]: a long int is now 1"
