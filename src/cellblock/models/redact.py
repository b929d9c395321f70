"""A provider's text made safe to show: one line, bounded, without the key."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_READ_CHARS = 4_000
_SHORTEST_KEY = 5
"""The placeholder is shorter: replacing it would only garble a message."""


class Secret:
    """A key that neither `repr`, `str`, `vars` nor pickling shows."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The key itself, for the request that needs it."""
        return self.__value

    def hidden_in(self, text: str) -> str:
        """`text` with every occurrence of the key replaced by `[key]`."""
        return text.replace(self.__value, "[key]") if len(self.__value) >= _SHORTEST_KEY else text

    def __repr__(self) -> str:
        """Never the key."""
        return "Secret([key])"

    def __reduce__(self) -> str:
        """Refuse.

        Raises:
            TypeError: always; a key is not written to disk by accident.
        """
        raise TypeError("a key is not pickled; build the model adapter again where it is needed")


def one_line(text: str, *, secrets: Iterable[Secret] = (), limit: int = 300) -> str:
    """`text` as one printable line of at most `limit` characters, keys replaced by `[key]`."""
    for secret in secrets:
        # Before any cut, which could halve a key and so hide it from the search.
        text = secret.hidden_in(text)
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[:_READ_CHARS])
    line = " ".join(plain.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
