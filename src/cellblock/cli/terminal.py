"""What may reach a terminal: text whose control codes and invisible characters are spelled out.

Models and guests write what they like, and a terminal obeys what it is sent. So nothing of theirs is printed before
`safe` or `one_line` has seen it, and nothing of theirs is ever read as markup.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import StoreError
from ..unseen import safe as safe
from ..values import Value

if TYPE_CHECKING:
    from rich.console import Console


def one_line(text: str, width: int = 400) -> str:
    """The first `width` characters of `text`, safe, on one line; `…` marks what was left out."""
    # Clipped before anything looks at it: a model may have written megabytes.
    words = safe(text[: 4 * width]).split()
    line = " ".join(words)
    return line if len(line) <= width and len(text) <= 4 * width else line[: width - 1] + "…"


def clip(text: str, size: int) -> str:
    """`text` if it has at most `size` characters, else its head and how much was left out."""
    return text if len(text) <= size else f"{text[:size]}\n… {len(text) - size:,} more characters"


def to_json(fields: dict[str, Any]) -> str:
    """One line of JSON in printable ASCII that any parser reads back; lone surrogates become U+FFFD.

    Raises:
        StoreError: it cannot be JSON, which nothing that was recorded here is.
    """
    try:
        return json.dumps(_jsonable(fields), ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f")
    except (RecursionError, TypeError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else "there is a key in it that is no text"
        raise StoreError(f"what is on record cannot be written as JSON: {what}") from None


def _jsonable(value: Value | dict[str, Any]) -> Any:
    """Plain data that JSON can say: bytes as base64 text, `nan` and `inf` as text."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, dict):
        return {_jsonable(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return value


def _number(value: int | float) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    # CPython refuses to write ints of more than 4,300 digits in base 10.
    return hex(value) if value.bit_length() > 14_000 else value


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a live view makes sense there. Asks the stream itself: `FORCE_COLOR` must not put one into a log."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def console(stream: TextIO | None) -> Console:
    """A rich console that takes no markup, no emoji codes and no highlighting; `NO_COLOR` is honoured."""
    from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)


def say(line: str) -> None:
    """One line on standard error. Quiet if nobody listens there."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - the command line's own voice


def write(text: str) -> None:
    """`text` and a newline on standard output, flushed. A reader that has gone (`| head`) had enough: that is no error.

    Raises:
        OSError: it could not be written; its filename is `standard output`.
    """
    try:
        print(text, flush=True)  # noqa: T201 - the command line's own voice
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise OSError(error.errno, error.strerror, "standard output") from error


def prepare_streams() -> None:
    """Make the standard streams safe to use: no missing ones below, no encoding errors on the way out.

    A closed descriptor 0, 1 or 2 would otherwise be given to the next file that is opened.
    """
    with contextlib.suppress(OSError):
        while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(spare)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def silence(stream: TextIO | None) -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain about it on its way out."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)
