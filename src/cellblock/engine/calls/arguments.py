"""Arguments that come from cells: hostile until checked. What is wrong becomes an exception in the cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...repl.protocol import CellError
from ...values import Value

MAX_PROMPT_CHARS = 4_000_000
"""Of one prompt; no model takes more."""
MAX_BATCH_PROMPTS = 10_000
MAX_BATCH_CHARS = 32_000_000
"""Of all prompts of one call together, as many as can cross: what the host adds to each of them counts too."""
MAX_ANSWER_TOKENS = 1_000_000


def bind(function: str, names: Sequence[str], args: Sequence[Value], kwargs: Mapping[str, Value]) -> dict[str, Value]:
    """Arguments by name; absent ones are left out.

    Raises:
        CellError: TypeError, in Python's own words: too many, unknown or given twice.
    """
    if len(args) > len(names):
        raise CellError("TypeError", f"{function}() takes at most {len(names)} arguments ({len(args)} given)")
    bound = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise CellError("TypeError", f"{function}() got an unexpected keyword argument {name[:50]!r}; it takes {', '.join(names)}")
        if name in bound:
            raise CellError("TypeError", f"{function}() got multiple values for argument {name!r}")
        bound[name] = value
    return bound


def text(function: str, name: str, value: Value) -> str:
    """A text that fits into a prompt.

    Raises:
        CellError: TypeError or ValueError.
    """
    if not isinstance(value, str):
        raise CellError("TypeError", f"{function}(): {name} must be a str, not {_kind(value)}")
    if len(value) > MAX_PROMPT_CHARS:
        raise CellError("ValueError", f"{function}(): {name} has {len(value)} characters; at most {MAX_PROMPT_CHARS} fit; split it")
    return value


def texts(function: str, name: str, value: Value) -> list[str]:
    """A list of such texts.

    Raises:
        CellError: TypeError or ValueError.
    """
    if not isinstance(value, list):
        raise CellError("TypeError", f"{function}(): {name} must be a list of str, not {_kind(value)}")
    if len(value) > MAX_BATCH_PROMPTS:
        raise CellError("ValueError", f"{function}(): {name} has {len(value)} items; at most {MAX_BATCH_PROMPTS} go at once")
    return [text(function, f"{name}[{index}]", item) for index, item in enumerate(value)]


def shared(function: str, name: str, common: int, prompts: Sequence[str]) -> None:
    """Refuse prompts that become too much once the host has put one text into each of them.

    Args:
        name: of that text.
        common: its characters.

    Raises:
        CellError: ValueError.
    """
    total = common * len(prompts) + sum(map(len, prompts))
    if total > MAX_BATCH_CHARS:
        raise CellError(
            "ValueError",
            f"{function}(): {name} goes into each of {len(prompts)} prompts, which makes {total} characters; "
            f"at most {MAX_BATCH_CHARS} go at once; shorten it, or send fewer",
        )


def tokens(function: str, value: Value) -> int | None:
    """A bound on an answer's tokens, or None.

    Raises:
        CellError: TypeError or ValueError.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise CellError("TypeError", f"{function}(): max_tokens must be an int, not {_kind(value)}")
    if not 1 <= value <= MAX_ANSWER_TOKENS:
        raise CellError("ValueError", f"{function}(): max_tokens must be between 1 and {MAX_ANSWER_TOKENS}")
    return value


def documents(function: str, name: str, value: Value) -> str | list[str]:
    """A child's context: a text or a list of texts, not bounded as a prompt is.

    Raises:
        CellError: TypeError.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise CellError("TypeError", f"{function}(): {name} must be a str or a list of str, not {_kind(value)}")
    parts = [item for item in value if isinstance(item, str)]
    if len(parts) != len(value):
        raise CellError("TypeError", f"{function}(): {name} must hold str only; use str(...) on the others")
    return parts


def at_once(function: str, value: Value, most: int) -> int:
    """How many calls of a batch are in flight: True for as many as may be, False for one, or a number.

    Raises:
        CellError: TypeError or ValueError.
    """
    if isinstance(value, bool):
        return most if value else 1
    if not isinstance(value, int):
        raise CellError("TypeError", f"{function}(): parallel must be a bool or an int, not {_kind(value)}")
    if value < 1:
        raise CellError("ValueError", f"{function}(): parallel must be at least 1; False asks one after the other")
    return min(value, most)


def chunks(function: str, value: Value) -> list[str]:
    """The texts of chunks: each a str, or `[start, end, text]` as `ctx.chunk` gives, or `[first, last, texts]` as `ctx.chunk_documents`.

    Raises:
        CellError: TypeError or ValueError.
    """
    if not isinstance(value, list):
        raise CellError("TypeError", f"{function}(): chunks must be a list of str or of (start, end, text), not {_kind(value)}")
    return texts(function, "chunks", [_chunk(function, index, item) for index, item in enumerate(value)])


def _chunk(function: str, index: int, item: Value) -> Value:
    if not isinstance(item, list):
        return item
    if len(item) != 3:
        raise CellError("TypeError", f"{function}(): chunks[{index}] must be a str or (start, end, text), not a list of {len(item)}")
    last = item[2]
    return "\n\n".join(texts(function, f"chunks[{index}][2]", last)) if isinstance(last, list) else last


def _kind(value: Value) -> str:
    return "None" if value is None else type(value).__name__
