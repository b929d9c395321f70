"""Characters that act or hide where a text is shown: a terminal obeys them, a reader does not see them, a log breaks at them."""

from __future__ import annotations

import re

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"  # zero width, separators, bidi controls, invisible operators
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]"
)
"""Every character of the categories Cc, Cf, Cs, Zl and Zp but tab and newline, and the other default-ignorable ones.
One character class and nothing else, so a search is linear in the text."""


def safe(text: str) -> str:
    r"""`text` with every control or invisible character spelled out, such as `\x1b` or `\u202e`.

    Newlines and tabs stay. The emoji selector U+FE0F goes without a trace: the sign before it stays the same.
    """
    return HIDDEN.sub(_spell, text.replace("\r\n", "\n").replace("\ufe0f", ""))


def json_escaped(text: str) -> str:
    """JSON with each of these characters spelled out, which is the same JSON to whoever decodes it."""
    return HIDDEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
