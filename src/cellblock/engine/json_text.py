"""JSON out of what a model wrote around it: every answer of a model is hostile, so each step is bounded and in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ..values import Value, plain

MAX_CHARS = 2_000_000
MAX_ITEMS = 400_000
"""Brackets and commas of a text that is decoded: what it may cost in memory. More than that cannot cross in any case."""
CANDIDATES = 8
_FENCE = "```"
_BEGINNINGS = tuple('[{"-0123456789')
_OPENING = re.compile(r"[\[{]")
_WITHIN = re.compile(r'"(?:[^"\\\n]|\\.)*+"|[\[\]{}]|\\.')
"""A string whole, a bracket, or an escape, which no failed attempt at a string may look at again."""
_CLOSES = {"]": "[", "}": "{"}


def json_value(text: str) -> Value:
    """The JSON of an answer: all of it, what stands in a json fence, or the longest {...} or [...] in it.

    Raises:
        ValueError: there is none, or more than can cross. The message is for the model.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"it has {len(text)} characters; at most {MAX_CHARS} are read")
    problem = "there is no JSON in it"
    for number, candidate in enumerate(_candidates(text)):
        try:
            return decoded(candidate)
        except ValueError as error:
            # That prose is no JSON says nothing; after it comes the likeliest part.
            if number == 1 or (number == 0 and candidate.startswith(_BEGINNINGS)):
                problem = str(error)
    raise ValueError(problem)


def decoded(text: str) -> Value:
    """The data of a text that is JSON and nothing else.

    Raises:
        ValueError: it is none, or more than can cross. The message is for the model.
    """
    if text.count(",") + text.count("[") + text.count("{") > MAX_ITEMS:
        raise ValueError("the JSON holds too many items")
    try:
        return plain(msgspec.json.decode(text))
    except (msgspec.MsgspecError, UnicodeError) as error:
        # Its messages name kinds and places, and quote nothing.
        raise ValueError(f"it is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def _candidates(text: str) -> Iterator[str]:
    """From the likeliest on; all of the text always comes first."""
    yield text.strip()
    fenced = _in_a_fence(text)
    if fenced is not None:
        yield fenced
    regions = sorted(_regions(text), key=lambda region: region[0] - region[1])
    for start, end in regions[:CANDIDATES]:
        yield text[start:end]


def _in_a_fence(text: str) -> str | None:
    """What stands in the first fence that says json."""
    start = text.find(_FENCE)
    while start >= 0:
        after = start + len(_FENCE)
        if text[after : after + 4].lower() == "json":
            end = text.find(_FENCE, after)
            return text[after + 4 : end if end >= 0 else len(text)].strip()
        start = text.find(_FENCE, after)
    return None


def _regions(text: str) -> list[tuple[int, int]]:
    """Where brackets open and close in balance, outermost only. A quote outside brackets is prose, and so is one that does not end."""
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    place = 0
    while (token := (_WITHIN if opened else _OPENING).search(text, place)) is not None:
        place, kind = token.end(), token[0]
        if kind in ("[", "{"):
            opened.append(token.start())
        elif kind in _CLOSES:
            start = opened.pop()
            if text[start] != _CLOSES[kind]:
                opened.clear()
                continue
            while found and found[-1][0] > start:
                found.pop()
            found.append((start, place))
    return found
