"""Paths of virtual files: which there may be, and the one way in which each is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

FOLDERS = ("/artifacts", "/evidence", "/plans", "/scores")
"""Folders that are there from the start, and stay."""
SEGMENT_CHARS = 100
"""Of one name between two slashes."""
SHOWN_CHARS = 100
"""Of a path, in an error's message."""
_UNSEEN = {"Cc": "a control character", "Cf": "an invisible character", "Cs": "half a character", "Zl": "a line end", "Zp": "a line end"}


def normal(path: str, path_chars: int) -> str:
    """`path` as it is kept: from `/`, without `.`, `//` and a `/` at its end.

    Raises:
        TypeError: it is no str.
        ValueError: it holds `..`, a backslash, a character that cannot be seen, or is too long.
    """
    if type(path) is not str:
        raise TypeError(f"a path is a str, not {type(path).__name__[:SHOWN_CHARS]}")
    if len(path) > path_chars:
        raise ValueError(f"{shown(path)}: {len(path):,} characters; a path has at most {path_chars:,}: shorten it")
    _check_characters(path)
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    for segment in segments:
        _check_segment(path, segment)
    found = "/" + "/".join(segments)
    if len(found) > path_chars:
        raise ValueError(f"{shown(path)}: a path has at most {path_chars:,} characters, the first '/' included: shorten it")
    return found


def shown(path: str) -> str:
    """The beginning of a path as an error's message quotes it: nothing in it that cannot be seen."""
    return repr(path if len(path) <= SHOWN_CHARS else path[: SHOWN_CHARS - 3] + "...")


def _check_characters(path: str) -> None:
    if "\\" in path:
        raise ValueError(f"{shown(path)}: a backslash; folders are parted by '/'")
    if path.isascii() and path.isprintable():
        return
    for char in path:
        what = _UNSEEN.get(unicodedata.category(char))
        if what is not None:
            raise ValueError(f"{shown(path)}: {what} ({char!a}) cannot stand in a path; leave it out")


def _check_segment(path: str, segment: str) -> None:
    if segment == "..":
        raise ValueError(f"{shown(path)}: '..' cannot stand in a path; write it from '/'")
    if len(segment) > SEGMENT_CHARS:
        raise ValueError(f"{shown(path)}: a name of {len(segment):,} characters; at most {SEGMENT_CHARS} are allowed: shorten it")


def inside(folder: str) -> str:
    """What the paths of everything in a folder begin with."""
    return folder if folder == "/" else folder + "/"


def folders_of(path: str) -> Iterator[str]:
    """The folders around a path, the outermost first, without `/`."""
    at = path.find("/", 1)
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)
