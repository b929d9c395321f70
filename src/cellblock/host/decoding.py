"""From a file's bytes to text: UTF-8 is copied as it is, UTF-16 and UTF-32 with a BOM are decoded, all else is not text."""

from __future__ import annotations

import codecs
import os

from .sealed import PIECE, NotText, SealedWriter

# UTF-32's little-endian BOM begins with UTF-16's, so it comes first.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def copy_text(fd: int, writer: SealedWriter) -> None:
    """Append all that can be read from `fd`, in pieces of 256 KiB. Line ends stay as they are; a BOM is dropped.

    Raises:
        NotText: a NUL byte, or bytes that are not valid in the file's encoding.
        OSError: reading failed.
        ConfigError: the context would pass its size limit.
    """
    buffer = memoryview(bytearray(PIECE))
    size = _fill(fd, buffer)
    head = bytes(buffer[:4])
    encoding = next((name for bom, name in _BOMS if head[:size].startswith(bom)), None)
    if encoding is None:
        _copy_utf8(fd, buffer, size, writer)
    else:
        _copy_decoded(fd, buffer, size, encoding, writer)


def _copy_utf8(fd: int, buffer: memoryview, size: int, writer: SealedWriter) -> None:
    offset = 0
    start = len(codecs.BOM_UTF8) if bytes(buffer[:3]) == codecs.BOM_UTF8 and size >= 3 else 0
    while size > start:
        piece = buffer[start:size]
        nul = bytes(piece).find(0)
        if nul >= 0:
            raise NotText(f"NUL byte at {offset + start + nul:,}")
        last = size < len(buffer)
        whole = len(piece) if last else len(piece) - _cut_character(piece)
        try:
            writer.add(piece[:whole])
        except UnicodeDecodeError as error:
            raise NotText(f"no valid UTF-8 at byte {offset + start + error.start:,}") from None
        rest = bytes(piece[whole:])
        offset += start + whole
        buffer[: len(rest)] = rest
        start = 0
        size = len(rest) + (0 if last else _fill(fd, buffer[len(rest) :]))


def _cut_character(piece: memoryview) -> int:
    """How many bytes at the end of `piece` begin a character that is not complete."""
    for back in range(1, min(4, len(piece) + 1)):
        byte = piece[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0


def _copy_decoded(fd: int, buffer: memoryview, size: int, encoding: str, writer: SealedWriter) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    chars = 0
    while True:
        last = size < len(buffer)
        try:
            text = decoder.decode(bytes(buffer[:size]), final=last)
        except UnicodeDecodeError:
            raise NotText(f"no valid {encoding.upper()} after {chars:,} characters") from None
        nul = text.find("\0")
        if nul >= 0:
            raise NotText(f"NUL character at {chars + nul:,}")
        writer.add_text(text)
        chars += len(text)
        if last:
            return
        size = _fill(fd, buffer)


def _fill(fd: int, buffer: memoryview) -> int:
    """Read until `buffer` is full or the file ends; less than a full buffer means the end."""
    size = 0
    while size < len(buffer) and (count := os.readv(fd, [buffer[size:]])):
        size += count
    return size
