"""Final answers in a reply's text: `FINAL(…)`, `FINAL: …`, `FINAL_VAR(…)`, `FINAL_VAR: …`. Nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MAX_BODY_CHARS = 200_000
"""How far a closing parenthesis is looked for."""
MAX_CANDIDATES = 4
"""Each costs up to two scans of `MAX_BODY_CHARS`, so their number is bounded as well."""

# Chat models like to write it in bold: **FINAL(42)**, **FINAL:** 42.
_HEAD = re.compile(r" {0,3}(?P<bold>\*{0,3})FINAL(?P<var>_VAR)?(?P<end>\*{0,3})[ \t]*(?P<mark>[(:])")
_SPECIAL = re.compile(r"[()\"'\\]")
_BRACKETS = re.compile(r"[()]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFinal:
    """A final answer as the text gave it."""

    body: str
    """The answer's text; the variable's name if `is_variable`."""
    is_variable: bool = False
    quoted: bool = False
    """The body was a quoted literal, so an empty one is an answer too."""

    @property
    def empty(self) -> bool:
        """Nothing was given: `FINAL()` or `FINAL:`. `FINAL("")` and `FINAL(0)` are answers."""
        return not self.body and not self.quoted


def find_final(text: str, starts: Iterable[int]) -> tuple[TextFinal | None, bool]:
    """The first complete final answer at one of the offsets `starts`, and whether one was left unclosed."""
    unbalanced = False
    for start in islice(starts, MAX_CANDIDATES):
        head = _HEAD.match(text, start)
        if head is None or head["end"] not in ("", head["bold"]):
            continue
        body = _rest(text, head) if head["mark"] == ":" else _within(text, head.end())
        if body is not None:
            return _final(body, is_variable=head["var"] is not None), unbalanced
        unbalanced = True
    return None, unbalanced


def _final(body: str, *, is_variable: bool) -> TextFinal:
    literal = unquote(body.strip())
    if literal is not None:
        return TextFinal(body=literal, is_variable=is_variable, quoted=True)
    return TextFinal(body=body.strip(), is_variable=is_variable)


def _rest(text: str, head: re.Match[str]) -> str:
    """After a colon an answer may go on for several lines; a name is one line."""
    rest = text[head.end() :]
    rest = rest if head["var"] is None else rest.partition("\n")[0]
    bold = head["bold"]
    if not bold or head["end"]:
        return rest
    # It ends right after the colon, or after the answer.
    return rest[len(bold) :] if rest.startswith(bold) else rest.rstrip().removesuffix(bold)


def _within(text: str, start: int) -> str | None:
    """The text up to the matching parenthesis; None if it never comes.

    Quotes hide parentheses. Prose has apostrophes and stray quotes too, so where that reading finds no end, a second one ignores them.
    """
    window = text[start : start + MAX_BODY_CHARS]
    end = _closing(window, quotes=True)
    if end is None:
        end = _closing(window, quotes=False)
    return None if end is None else window[:end]


def _closing(body: str, *, quotes: bool) -> int | None:
    depth, quote, skip = 1, "", -1
    for match in (_SPECIAL if quotes else _BRACKETS).finditer(body):
        at, char = match.start(), match[0]
        if at == skip:
            continue
        if char == "\\":
            skip = at + 1 if quote else -1
        elif char in "\"'":
            quote = _quote_state(body, at, quote)
        elif not quote:
            depth += 1 if char == "(" else -1
            if depth == 0:
                return at
    return None


def _quote_state(body: str, at: int, quote: str) -> str:
    char = body[at]
    if quote:
        return "" if char == quote else quote
    # The apostrophe of `it's` opens nothing.
    return "" if at and body[at - 1].isalnum() else char


def unquote(text: str) -> str | None:
    r"""The text of a quoted literal; None if `text` is not one, whole.

    Knows `'…'`, `"…"`, their triple forms, and the escapes \n \t \r \\ \' \". Any other backslash stays as it is.
    """
    for quote in ('"""', "'''", '"', "'"):
        if len(text) >= 2 * len(quote) and text.startswith(quote) and text.endswith(quote):
            inner = text[len(quote) : -len(quote)]
            return None if _ends_early(inner, quote) else _ESCAPE.sub(_unescape, inner)
    return None


def _ends_early(inner: str, quote: str) -> bool:
    """A quote that is not escaped stands within, so the text is not one literal; or the last quote is escaped."""
    bare = _ESCAPE.sub("", inner)
    return quote in bare or bare.endswith("\\")


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[0])
