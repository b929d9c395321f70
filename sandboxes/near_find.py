"""`ctx.find`: literal, without regard to case, or a regular expression; always what `re` over the whole str would give."""

from __future__ import annotations

import re
import warnings
from codecs import utf_8_decode
from collections.abc import Iterator
from typing import AnyStr

import near_scan as scan
from near_args import MAX_CHARS
from near_text import MappedText

Match = tuple[int, int, str]
MAX_REGEX_CHARS = 20_000
_NO_REGEX = re.compile(r"[^\\.^$*+?{}\[\]|()]*")
# Non-ASCII characters that `re` takes for an ASCII letter when case does not matter: Kelvin sign, long s, and the two Turkish i.
_LOOKALIKES = {"k": ("\u212a",), "s": ("\u017f",), "i": ("\u0130", "\u0131")}


class Finder:
    """Searches one text, and remembers what it learned about it."""

    __slots__ = ("_holds", "_text")

    def __init__(self, text: MappedText) -> None:
        self._text = text
        self._holds: dict[str, bool] = {}

    def find(self, pattern: str, regex: bool, max_matches: int, case_sensitive: bool) -> list[Match]:
        """At most `max_matches` matches from left to right, with their texts.

        Raises:
            ValueError: the pattern is no regular expression, or the matches hold too many characters.
        """
        if not pattern:
            return []
        if regex and not _NO_REGEX.fullmatch(pattern):
            return self._collect(self._regex(pattern, case_sensitive), max_matches)
        if case_sensitive or not any(map(_is_cased, pattern)):
            return self._collect(self._literal(pattern), max_matches)
        return self._collect(self._any_case(pattern), max_matches)

    def _collect(self, found: Iterator[Match], max_matches: int) -> list[Match]:
        matches: list[Match] = []
        chars = 0
        for match in found:
            chars = _charged(chars, match[1] - match[0])
            matches.append(match)
            if len(matches) >= max_matches:
                break
        return matches

    def _literal(self, pattern: str) -> Iterator[Match]:
        needle = scan.encoded(pattern)
        if needle is None:
            return
        char_at = _Forward(self._text).char_at
        for place in scan.find_all(self._text, needle, 0, self._text.num_bytes):
            start = char_at(place)
            yield start, start + len(pattern), pattern

    def _any_case(self, pattern: str) -> Iterator[Match]:
        lower = pattern.lower()
        if pattern.isascii() and not any(self._has(other) for letter in set(lower) for other in _LOOKALIKES.get(letter, ())):
            # No other character of the text equals a letter of the pattern, and bytes above 127 have no case.
            return self._any_case_ascii(lower.encode())
        return self._any_case_by_window(pattern)

    def _any_case_ascii(self, needle: bytes) -> Iterator[Match]:
        text, size = self._text, len(needle)
        char_at = _Forward(text).char_at
        for place in scan.find_all_lower(text, needle):
            start = char_at(place)
            yield start, start + size, text.decode(place, place + size)

    def _any_case_by_window(self, pattern: str) -> Iterator[Match]:
        # Without regard to case a character matches exactly one character, so windows need overlap by the pattern's length only.
        compiled = re.compile(re.escape(pattern), re.IGNORECASE)
        text, window = self._text, max(scan.WINDOW, 16 * len(pattern))
        at = char = 0
        while at < text.num_bytes:
            piece, used = utf_8_decode(text.data[at : at + window], "strict", at + window >= text.num_bytes)
            after = 0
            for match in compiled.finditer(piece):
                after = match.end()
                yield char + match.start(), char + after, match.group()
            if at + used >= text.num_bytes:
                return
            keep = max(after, len(piece) - len(pattern) + 1)
            at += used - len(piece[keep:].encode())
            char += keep

    def _regex(self, pattern: str, case_sensitive: bool) -> Iterator[Match]:
        flags = re.NOFLAG if case_sensitive else re.IGNORECASE
        compiled = compile_regex(pattern, flags)
        text = self._text
        in_bytes = self._for_bytes(pattern, flags) if text.is_ascii else None
        if in_bytes is not None:
            for found in in_bytes.finditer(text.data):
                start, end = found.span()
                _charged(0, end - start)
                yield start, end, text.decode(start, end)
            return
        # Classes, dots and quantifiers count characters, not bytes: only the str has them.
        for match in compiled.finditer(text.whole()):
            start, end = match.span()
            _charged(0, end - start)
            yield start, end, match.group()

    def _for_bytes(self, pattern: str, flags: re.RegexFlag) -> re.Pattern[bytes] | None:
        r"""A regex over ASCII bytes that matches what `pattern` matches in the same str; None where that is not certain.

        In ASCII text the two kinds differ only in \s, which for str takes the separators U+001C to U+001F too, and in what
        only a str pattern can say (\N, \u, \U, the flag `u`): bytes patterns refuse that, so it cannot be misread.
        """
        if not pattern.isascii():
            return None
        if r"\s" in pattern.lower() and any(self._has(chr(code)) for code in range(0x1C, 0x20)):
            return None
        try:
            return _compile(pattern.encode(), flags)
        except re.error:
            return None

    def _has(self, char: str) -> bool:
        """Whether the text holds `char` anywhere; looked up once."""
        known = self._holds.get(char)
        if known is None:
            raw = char.encode()
            possible = len(raw) == 1 or not self._text.is_ascii
            known = self._holds[char] = possible and scan.find(self._text, raw, 0, self._text.num_bytes) >= 0
        return known


class _Forward:
    """Turns places in bytes into characters, in ascending order, from the last one where that is near."""

    __slots__ = ("_byte", "_char", "_text")

    def __init__(self, text: MappedText) -> None:
        self._text, self._byte, self._char = text, 0, 0

    def char_at(self, byte: int) -> int:
        text = self._text
        if text.is_ascii:
            return byte
        if byte - self._byte < 4096:
            self._char += len(text.decode(self._byte, byte))
        else:
            self._char = text.char_at(byte)
        self._byte = byte
        return self._char


def _charged(chars: int, more: int) -> int:
    if chars + more > MAX_CHARS:
        raise ValueError(f"ctx.find: matches of more than {MAX_CHARS:,} characters together; use fewer max_matches or a shorter pattern")
    return chars + more


def compile_regex(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    """The compiled pattern.

    Raises:
        ValueError: it is no regular expression, or too long; one line.
    """
    if len(pattern) > MAX_REGEX_CHARS:
        raise ValueError(f"ctx.find: a regular expression of {len(pattern):,} characters; at most {MAX_REGEX_CHARS:,}")
    try:
        return _compile(pattern, flags)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos:,}"
        raise ValueError(f"ctx.find: not a regular expression: {error.msg}{where}; use regex=False for a plain text") from None
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"ctx.find: not a usable regular expression: {type(error).__name__}") from None


def _compile(pattern: AnyStr, flags: re.RegexFlag) -> re.Pattern[AnyStr]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of patterns that a later Python may read differently
        return re.compile(pattern, flags)


def _is_cased(char: str) -> bool:
    return char.lower() != char or char.upper() != char
