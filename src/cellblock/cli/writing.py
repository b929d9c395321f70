"""Where an export goes: standard output, or a file that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigError
from .terminal import write


@contextmanager
def lines_to(target: Path | None, *, overwrite: bool, kept: str) -> Iterator[Callable[[str], None]]:
    """A function that writes one line. A file gets its name when all lines are written.

    Args:
        target: None is standard output.
        kept: the journal's place, which is never written over.

    Raises:
        ConfigError: the file is there already, is the journal, or cannot be made.
        OSError: it could not be written; what was written of it is gone.
    """
    if target is None:
        yield write
        return
    _check(target, overwrite, kept)
    try:
        with _file(target) as file:
            yield lambda line: _append(file, line)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _check(target: Path, overwrite: bool, kept: str) -> None:
    try:
        if target.is_dir():
            raise ConfigError(f"--to {target}: a folder; name a file in it")
        if not target.parent.is_dir():
            raise ConfigError(f"--to {target}: there is no folder {target.parent}")
        if not target.exists():
            return
        # Its write-ahead log and its index lie beside it under longer names.
        if any(os.path.exists(kept + end) and target.samefile(kept + end) for end in ("", "-wal", "-shm")):  # noqa: PTH110 - may hold NUL
            raise ConfigError(f"--to {target}: this is the journal itself; name another file")
    except (ValueError, OSError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"--to {str(target)!r}: {getattr(error, 'strerror', None) or error}") from None
    if target.is_file() and not overwrite:
        raise ConfigError(f"--to {target}: it is there already; --overwrite replaces it")


@contextmanager
def _file(target: Path) -> Iterator[BinaryIO]:
    if target.exists() and not target.is_file():
        # A pipe or a device: there is nothing to keep whole.
        with target.open("wb") as file:
            yield file
        return
    place = target.resolve()
    fresh = place.with_name(f".{place.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        # Questions and answers: nobody else on the machine has to read them.
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)


def _append(file: BinaryIO, line: str) -> None:
    file.write(line.encode() + b"\n")
