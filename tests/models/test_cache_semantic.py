from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from responsive import holds_up_for

from cellblock.errors import ConfigError, ModelUnavailable
from cellblock.models import Usage
from cellblock.models.cache import CachedAnswer, SemanticCache, SQLiteCache
from cellblock.models.cache.marks import marks
from cellblock.models.cache.semantic import MOST_SCOPES, PROMPT_CHARS

pytestmark = pytest.mark.anyio


def answer_of(text: str) -> CachedAnswer:
    return CachedAnswer(text=text, model="m", usage=Usage(calls=1))


class Memory:
    """A store that forgets at once what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, CachedAnswer] = {}

    async def get(self, key: str) -> CachedAnswer | None:
        return self.answers.get(key)

    async def put(self, key: str, answer: CachedAnswer) -> None:
        self.answers[key] = answer

    async def aclose(self) -> None: ...


def everything_is_near(text: str) -> list[float]:
    return [1.0, 0.0]


DIFFERENT = [
    ("list invoices over $500", "list invoices over $5000"),
    ("list invoices over $500", "list invoices over $500k"),
    ("list invoices over $500", "list invoices over €500"),
    ("list invoices over 500", "list invoices over 500%"),
    ("list invoices of 5 to 10", "list invoices of 10 to 5"),
    ("a change of 5 degrees", "a change of -5 degrees"),
    ("the sum of 1,000 and 2", "the sum of 1.000 and 2"),
    ("add three of them", "add four of them"),
    ("is it allowed", "is it not allowed"),
    ("they can see it", "they can't see it"),
    ("they can see it", "they can’t see it"),
    ("they can see it", "they cannot see it"),
    ("with tax", "without tax"),
    ("who paid Alice", "who paid Bob"),
    ("did Alice pay Bob", "did Bob pay Alice"),
    ("what does the us do", "what does the US do"),
    ("find 'red' in it", "find 'blue' in it"),
    ('find "red hat" in it', 'find "red bat" in it'),
    ("find “rot” in it", "find “tot” in it"),
    ("find `a` in it", "find `b` in it"),
    ("invoices over the limit", "invoices under the limit"),
    ("the highest value", "the lowest value"),
    ("events before the war", "events after the war"),
    ("x > y holds", "x < y holds"),
    ("x > y holds", "x y holds"),
    ("the x東 street", "the x西 street"),
    ("is option a right", "is option b right"),
    ("look at user_id here", "look at team_id here"),
    ("look at a.example", "look at b.example"),
    ("sort it ascending-first", "sort it ascending-last"),
    ("was sagt 北京 dazu", "was sagt 東京 dazu"),
    ("الرياض كبيرة", "جدة كبيرة"),
    ("rate it 👍", "rate it 👎"),
    ("five ½ of it", "five ¼ of it"),
    ("the men\u200b here", "the me\u200bn here"),
]


@pytest.mark.parametrize(("known", "asked"), DIFFERENT)
async def test_a_difference_that_matters_is_a_miss_whatever_the_cosine(known: str, asked: str) -> None:
    cache = SemanticCache(Memory(), everything_is_near)
    await cache.remember("scope", known, answer_of("wrong"))
    assert await cache.near("scope", known) == answer_of("wrong")

    assert await cache.near("scope", asked) is None


SAME = [
    ("show invoices over $500", "list the invoices over $500, please"),
    ("who paid Alice?", "tell me who paid Alice"),
    ("what's the weather like?", "how's the weather"),
    ("find 'red' there", "look for 'red' there."),
    ("it's what the pet's owner wants", "it's that the pet's owner wants"),
    ("well-known people", "famous people"),
]


@pytest.mark.parametrize(("known", "asked"), SAME)
async def test_other_words_for_the_same_are_a_hit_if_they_are_near(known: str, asked: str) -> None:
    cache = SemanticCache(Memory(), everything_is_near)
    await cache.remember("scope", known, answer_of("right"))

    assert await cache.near("scope", asked) == answer_of("right")


NUMBER = st.from_regex(r"[$€-]?[0-9]{1,4}([.,][0-9]{1,3})?[%k]?", fullmatch=True)
NAME = st.from_regex(r"[A-Z][a-z]{0,5}", fullmatch=True)
WORD = st.sampled_from(["show", "the", "invoices", "please", "über", "a-b"])
TRAILING = st.sampled_from(["", ".", ",", "?", ")", ":"])


@given(st.lists(WORD), st.lists(WORD), st.one_of(NUMBER, NAME), st.one_of(NUMBER, NAME), TRAILING)
def test_another_number_or_name_anywhere_makes_other_marks(before: list[str], after: list[str], one: str, other: str, end: str) -> None:
    assume(one != other)
    texts = [" ".join([*before, mark + end, *after]) for mark in (one, other)]

    assert marks(texts[0]) != marks(texts[1])


@given(st.text(max_size=60))
def test_every_digit_capital_and_quoted_text_is_in_some_mark(text: str) -> None:
    found = "".join(marks(text))

    for char in text:
        if char.isnumeric() or char.isupper():
            assert char in found
    for quoted in re.findall(r'"[^"]*"', text):
        assert quoted in found or text.count('"') != 2 or any(quote in text for quote in "“„«‘`「『'")


@pytest.mark.parametrize("text", ["“" * 8_000, "'a" * 4_000, '"' * 7_999, "`“«" * 2_600, "a" * 8_000, "5 " * 4_000, "“”" * 4_000])
def test_marks_of_the_longest_prompt_take_milliseconds(text: str) -> None:
    assert holds_up_for(lambda: marks(text) and None) < 0.3


def vector_of(angle: float) -> list[float]:
    import math

    return [math.cos(angle) * 3, math.sin(angle) * 3]


async def test_only_what_is_near_enough_counts_and_the_nearest_wins() -> None:
    angles = {"known": 0.0, "other": 0.4, "near": 0.1, "far": 0.8}
    cache = SemanticCache(Memory(), lambda text: vector_of(angles[text]), threshold=0.97)
    await cache.remember("scope", "known", answer_of("known"))
    await cache.remember("scope", "other", answer_of("other"))

    assert await cache.near("scope", "near") == answer_of("known")
    assert await cache.near("scope", "far") is None
    angles["near"] = 0.25
    assert await cache.near("scope", "near") == answer_of("other")


async def test_scopes_do_not_see_each_other() -> None:
    store = Memory()
    cache = SemanticCache(store, everything_is_near)
    await cache.remember("acme", "hello there", answer_of("acme's"))
    assert await cache.near("other", "hello there") is None
    await cache.remember("other", "hello there", answer_of("other's"))

    assert await cache.near("acme", "hello there") == answer_of("acme's")
    assert len(store.answers) == 2


async def test_no_vector_is_asked_for_where_nothing_could_be_found() -> None:
    asked: list[str] = []

    def embed(text: str) -> list[float]:
        asked.append(text)
        return [1.0]

    cache = SemanticCache(Memory(), embed)
    assert await cache.near("scope", "anything") is None
    await cache.remember("scope", "over 500", answer_of("x"))
    assert await cache.near("scope", "over 5000") is None
    assert await cache.near("scope", "over 500 " + "x" * PROMPT_CHARS) is None
    await cache.remember("scope", "x" * (PROMPT_CHARS + 1), answer_of("x"))

    assert asked == ["over 500"]


async def test_what_the_store_has_lost_is_a_miss_and_forgotten() -> None:
    store = Memory()
    cache = SemanticCache(store, everything_is_near)
    await cache.remember("scope", "hello there", answer_of("x"))
    store.answers.clear()

    assert await cache.near("scope", "hello there") is None
    assert cache._scopes["scope"] == {}


async def test_what_is_known_is_bounded_the_oldest_first() -> None:
    cache = SemanticCache(Memory(), everything_is_near, max_entries=3)
    for number in range(5):
        await cache.remember("scope", f"number {number}", answer_of(str(number)))
    assert [bool(await cache.near("scope", f"number {number}")) for number in range(5)] == [False, False, True, True, True]
    await cache.remember("scope", "number 2", answer_of("renewed"))
    await cache.remember("scope", "number 5", answer_of("5"))
    assert [bool(await cache.near("scope", f"number {number}")) for number in range(2, 6)] == [True, False, True, True]
    for number in range(MOST_SCOPES):
        await cache.remember(f"scope {number}", "hello", answer_of("x"))

    assert len(cache._scopes) == MOST_SCOPES and await cache.near("scope", "number 4") is None


@pytest.mark.parametrize("bad", [[], [0.0, 0.0], [float("nan")], [float("inf")], ["x"], None, 7, [10**400]])
async def test_an_embedding_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(ConfigError, match="embed must return"):
        await SemanticCache(Memory(), lambda text: bad).remember("scope", "hello", answer_of("x"))


async def test_vectors_of_different_lengths_are_refused() -> None:
    vectors = iter([[1.0], [1.0, 0.0]])
    cache = SemanticCache(Memory(), lambda text: next(vectors))
    await cache.remember("scope", "hello", answer_of("x"))

    with pytest.raises(ConfigError, match="of one length"):
        await cache.near("scope", "hello")


async def test_what_embed_raises_is_the_models_failure() -> None:
    def embed(text: str) -> Sequence[float]:
        raise ZeroDivisionError("secret\ntraceback")

    with pytest.raises(ModelUnavailable, match="embed raised ZeroDivisionError") as caught:
        await SemanticCache(Memory(), embed).remember("scope", "hello", answer_of("x"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sync", "async", "object"])
async def test_embed_may_be_a_function_of_any_kind(kind: str) -> None:
    async def asynchronous(text: str) -> list[float]:
        return [1.0, 2.0]

    class Callable_:
        async def __call__(self, text: str) -> list[float]:
            return [1.0, 2.0]

    embed: Any = {"sync": lambda text: (1.0, 2.0), "async": asynchronous, "object": Callable_()}[kind]
    cache = SemanticCache(Memory(), embed)
    await cache.remember("scope", "hello", answer_of("x"))

    assert await cache.near("scope", "hi") == answer_of("x")


async def test_a_slow_embed_holds_up_nobody(tmp_path: Path) -> None:
    store = SQLiteCache(tmp_path / "cache.db")
    cache = SemanticCache(store, lambda text: time.sleep(0.1) or [1.0])
    ticks = 0
    async with anyio.create_task_group() as group:
        group.start_soon(cache.remember, "scope", "hello", answer_of("x"))
        for _ in range(5):
            await anyio.sleep(0.005)
            ticks += 1
    assert ticks == 5 and await cache.near("scope", "hello") == answer_of("x")
    await store.aclose()


@pytest.mark.parametrize("settings", [{"threshold": 0}, {"threshold": 1.1}, {"threshold": float("nan")}, {"max_entries": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        SemanticCache(Memory(), everything_is_near, **settings)
