"""How values cross between worker and guest."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasi.values import DEPTH, LONG_CHARS, pack, sendable, unpack

TEXTS = (
    st.text(st.characters(), max_size=40)
    | st.text(st.sampled_from("\ud83d\ude00a"), max_size=4)
    | st.builds(lambda text, n: text * n, st.text(st.characters(), min_size=1, max_size=9), st.integers(60, 900))
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**320)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.binary(max_size=2_000)
)
KEYS = st.sampled_from(["$t", "$b", "$i", "$u", "$d", "$s", "$", "a", ""]) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner, inner) | st.just(()),
    max_leaves=20,
)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return math.copysign(1, a) == math.copysign(1, b) and a == b if isinstance(a, float) else a == b


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_every_value_comes_back_as_it_was(value):
    packed = pack(value)
    packed.encode()
    assert same(unpack(packed), value)


@given(st.text(st.characters(), max_size=60) | st.from_regex(r"\A[0-9,]{1,9}\n[\[\]{}\"$tbiuds:0-9,]{0,30}\Z"))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reader(text):
    try:
        unpack(text)
    except ValueError:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "x\n1", "2\n1", "1,9\n1", "-1,2\n1", "1,1e9\n1", '9,0\n{"$t":5}', '11,1\n{"$t":true}x', '9\n{"$i":""}',
        '12\n{"$i":"xyz"}', '9\n{"$d":[1]}', '15\n{"$d":[[1,2,3]]}', "200000\n" + "[" * 200_000, "9" * 5_000 + "\n1",
    ],
)  # fmt: skip
def test_a_text_that_pack_does_not_make_is_refused_or_plain(text):
    try:
        assert unpack(text) is not None
    except ValueError:
        pass


def test_nan_crosses():
    assert math.isnan(unpack(pack(float("nan"))))


def test_a_long_text_is_not_quoted():
    text = '"\n' * LONG_CHARS
    assert pack([text]).endswith(text)
    assert pack(["\ud800" * 2 * LONG_CHARS]).isascii()


@pytest.mark.parametrize(
    ("value", "part"), [({1}, "a set cannot cross"), ({1: 2}, "keys are not all str"), (object(), "a object cannot cross")]
)
def test_other_values_are_refused(value, part):
    with pytest.raises(TypeError, match=part):
        pack([value])


def test_depth_is_bounded_where_json_still_works():
    value = 1
    for _ in range(DEPTH):
        value = [value]
    assert unpack(pack(value)) == value
    with pytest.raises(ValueError, match="too deep"):
        pack([value])


def test_sendable_is_what_utf_8_takes():
    assert sendable("a") and sendable("é\U0001f600") and not sendable("a\udc80")
