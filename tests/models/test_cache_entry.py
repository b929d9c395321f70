from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cellblock.errors import ConfigError
from cellblock.models import CallableModel, Message, ScriptedModel, Usage
from cellblock.models.cache.entry import ENTRY_BYTES, CachedAnswer, call_key, checked_key, decode, digest, encode, identity_of
from cellblock.models.protocol import countable

ROOT = Path(__file__).parents[2]
TEXT = st.text(st.characters(), max_size=12)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(TEXT, JSON, max_size=3)
MESSAGES = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), TEXT), max_size=4)
CALLS = st.fixed_dictionaries(
    {
        "tenant": TEXT,
        "identity": TEXT,
        "messages": MESSAGES,
        "max_tokens": st.none() | st.integers(1, 10**6),
        "sampling": SETTINGS,
        "schema": st.none() | SETTINGS,
    }
)
COUNTS = st.integers(0, 10**12)
ANSWERS = st.builds(
    CachedAnswer,
    text=st.text(),
    model=TEXT.filter(lambda text: text.isprintable()),
    usage=st.builds(
        Usage,
        input_tokens=COUNTS,
        output_tokens=COUNTS,
        cached_tokens=COUNTS,
        calls=COUNTS,
        cost_usd=st.none() | st.floats(0, 1e9),
        estimated=st.booleans(),
    ).filter(countable),
)
ANSWER = CachedAnswer(text="yes", model="m", usage=Usage(calls=1))
KEY = "0" * 64
BASE: dict[str, Any] = {
    "tenant": "acme",
    "identity": "openai gpt-5",
    "messages": [Message("system", "be brief"), Message("user", "why?")],
    "max_tokens": 100,
    "sampling": {"temperature": 0.5},
    "schema": {"type": "object"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "other"},
        {"identity": "openai gpt-5-nano"},
        {"identity": "azure gpt-5"},
        {"messages": [Message("system", "be brief"), Message("user", "why not?")]},
        {"messages": [Message("system", "be long"), Message("user", "why?")]},
        {"messages": [Message("user", "be brief"), Message("user", "why?")]},
        {"messages": [Message("user", "why?"), Message("system", "be brief")]},
        {"messages": [Message("user", "why?")]},
        {"max_tokens": 101},
        {"max_tokens": None},
        {"sampling": {"temperature": 0.6}},
        {"sampling": {"temperature": 0.5, "seed": 1}},
        {"sampling": None},
        {"schema": {"type": "array"}},
        {"schema": None},
        {"schema": {}},
    ],
    ids=str,
)
def test_a_key_covers_everything_that_shapes_the_answer(change: dict[str, Any]) -> None:
    assert call_key(**BASE | change) != call_key(**BASE)


@given(CALLS, CALLS)
def test_two_keys_are_equal_only_for_equal_calls(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(_exactly(one) != _exactly(other))

    assert call_key(**one) != call_key(**other)


@given(CALLS, st.data())
def test_a_text_moved_from_one_place_to_the_next_makes_another_key(call: dict[str, Any], data: st.DataObject) -> None:
    whole = call["tenant"] + call["identity"]
    cut = data.draw(st.integers(0, len(whole)))
    assume(cut != len(call["tenant"]))

    assert call_key(**call | {"tenant": whole[:cut], "identity": whole[cut:]}) != call_key(**call)


def _exactly(call: dict[str, Any]) -> str:
    """Equal for calls that are the same; 1, 1.0 and True are not."""
    return repr(_sorted(call))


def _sorted(part: Any) -> Any:
    if isinstance(part, dict):
        return sorted((name, _sorted(value)) for name, value in part.items())
    return [_sorted(value) for value in part] if isinstance(part, list) else repr(part)


@given(CALLS)
def test_a_key_depends_on_no_order_that_means_nothing(call: dict[str, Any]) -> None:
    again = call | {"sampling": dict(reversed(call["sampling"].items())), "messages": tuple(call["messages"])}

    assert checked_key(call_key(**again)) == call_key(**call)


def test_a_key_is_the_same_in_every_process_and_version() -> None:
    code = "from tests.models.test_cache_entry import *; print(call_key(**BASE))"
    keys = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() for _ in range(2)
    }

    # If this fails and the change is meant, KEY_FORMAT has to change, too.
    assert keys == {"50e75a2d7169717ceabca27eacd1f6a3747a9c662ee7cebb6e3256f48dd12a85"}


@pytest.mark.parametrize("name", ["sampling", "schema"])
@pytest.mark.parametrize("value", [{"a": {1}}, {"a": object()}, {"a": b"bytes"}, {("a",): 1}])
def test_settings_that_are_not_json_have_no_key(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        call_key(**BASE | {name: value})


def test_a_schema_too_deep_to_write_down_has_no_key() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"a": schema}

    with pytest.raises(ConfigError, match="schema"):
        call_key(**BASE | {"schema": schema})
    while schema:
        # Taken apart by hand: the interpreter's own way down is as deep.
        schema = schema.pop("a")


def test_an_adapter_is_named_by_its_identity_or_by_class_and_name() -> None:
    class Own:
        name = "same"
        identity = "Own at https://a.example, temperature 0"

        async def complete(self, *args: Any, **kwargs: Any) -> Any: ...
        async def aclose(self) -> None: ...

    class Without:
        name = "same"

        async def complete(self, *args: Any, **kwargs: Any) -> Any: ...
        async def aclose(self) -> None: ...

    assert identity_of(Own()) == Own.identity
    assert identity_of(Without()).endswith("Without same")
    assert identity_of(CallableModel(str, name="same")) != identity_of(ScriptedModel([], name="same"))


@given(ANSWERS)
def test_an_entry_comes_back_as_it_was(answer: CachedAnswer) -> None:
    data = encode(KEY, answer)

    assert data is not None and decode(KEY, data) == answer


@given(ANSWERS, st.data())
def test_an_entry_with_any_bit_changed_or_byte_missing_is_none(answer: CachedAnswer, data: st.DataObject) -> None:
    entry = bytearray(encode(KEY, answer) or b"")
    entry[data.draw(st.integers(0, len(entry) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    whole = encode(KEY, answer) or b""

    assert decode(KEY, bytes(entry)) is None
    assert decode(KEY, whole[: data.draw(st.integers(0, len(whole) - 1))]) is None
    assert decode(KEY, whole + b"\0") is None


@given(st.binary(max_size=200))
def test_any_other_bytes_are_none(data: bytes) -> None:
    assert decode(KEY, data) is None


def test_an_entry_under_another_key_is_none() -> None:
    assert decode("1" * 64, encode(KEY, ANSWER) or b"") is None


@pytest.mark.parametrize(
    "fields",
    [{"input_tokens": -1}, {"output_tokens": 2**62}, {"cost_usd": -1.0}, {"cost_usd": math.nan}, {"cost_usd": math.inf}, {"calls": -5}],
    ids=str,
)
def test_a_sealed_entry_that_would_give_tokens_back_is_none(fields: dict[str, Any]) -> None:
    data = encode(KEY, CachedAnswer(text="", model="", usage=Usage(**fields)))

    assert data is not None and decode(KEY, data) is None


def test_what_is_too_long_or_no_text_is_not_kept() -> None:
    assert encode(KEY, CachedAnswer(text="x" * ENTRY_BYTES, model="", usage=Usage())) is None
    assert encode(KEY, CachedAnswer(text="\ud800", model="", usage=Usage())) is None
    assert encode(KEY, CachedAnswer(text="", model="", usage=Usage(calls=2**70))) is None
    assert encode(KEY, CachedAnswer(text="x" * (ENTRY_BYTES - 1_000), model="", usage=Usage())) is not None


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", "0" * 63, "0" * 65, "0" * 64 + "\n", "G" * 64, "A" * 64, "٠" * 64, "0" * 62 + "/."]
)
def test_only_hexadecimal_keys_are_keys(key: str) -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal"):
        checked_key(key)


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_texts_have_the_same_digest_only_if_they_are_the_same(one: list[str], other: list[str]) -> None:
    assert (digest(one) == digest(other)) == (one == other)
