"""Answers in a folder, one file each: simple to look at, to copy and to remove."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from ...errors import ConfigError, StoreError
from ...in_thread import in_thread
from .entry import ENTRY_BYTES, CachedAnswer, checked_key, decode, encode

FILES_BYTES = 2**30
_LEFTOVER_SECONDS = 3_600.0
"""A file that somebody began to write so long ago will not be finished."""
_ENTRY = re.compile(r"[0-9a-f]{62}\.answer")
_UNFINISHED = re.compile(r"\.[0-9a-f]{62}\.answer\.[0-9a-f]{16}")
_SHELF = re.compile("[0-9a-f]{2}")


class FileCache:
    """A `CallCache` in a folder that belongs to this user alone. Files of other names in it are left alone.

    Args:
        folder: made if missing.
        max_bytes: of all entries; beyond it the oldest are removed. Each process that shares the folder may be over by a tenth.

    Raises:
        ConfigError: `folder` is no folder, is open to others, or cannot be made; or `max_bytes` is too small for one entry.
    """

    def __init__(self, folder: str | os.PathLike[str], *, max_bytes: int = FILES_BYTES) -> None:
        if max_bytes < ENTRY_BYTES:
            raise ConfigError(f"max_bytes={max_bytes}: at least {ENTRY_BYTES:,} are needed for one entry")
        self.folder, self.max_bytes = Path(folder), max_bytes
        # Looked at with the first entry that is written: the folder may be full already.
        self._unseen_bytes = max_bytes
        _make_folder(self.folder)

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer stored under `key`. A file that holds anything else is removed.

        Raises:
            StoreError: the file cannot be read.
            ConfigError: `key` is none.
        """
        return await in_thread(self._get, checked_key(key))

    async def put(self, key: str, answer: CachedAnswer) -> None:
        """Store an answer. A reader sees the old file or the new one, never a half.

        Raises:
            StoreError: it cannot be written.
            ConfigError: `key` is none.
        """
        data = encode(checked_key(key), answer)
        if data is not None:
            await in_thread(self._put, key, data)

    async def aclose(self) -> None:
        """Nothing is open between calls."""

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.answer"

    def _get(self, key: str) -> CachedAnswer | None:
        path = self._path(key)
        with _one_line_errors(self.folder):
            data = _read(path)
            answer = None if data is None else decode(key, data)
            if answer is None and data is not None:
                with contextlib.suppress(OSError):
                    path.unlink()
        return answer

    def _put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with _one_line_errors(self.folder):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                    file.write(data)
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
            self._unseen_bytes += len(data)
            if self._unseen_bytes > self.max_bytes // 10:
                self._unseen_bytes = 0
                self._trim()

    def _trim(self) -> None:
        """Remove the oldest entries until the rest fits."""
        entries = sorted(_entries(self.folder))
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.max_bytes:
                return
            # Another process may be tidying up, too.
            path.unlink(missing_ok=True)
            total -= size


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except OSError as error:
        raise ConfigError(f"{folder}: the cache's folder cannot be made ({error.strerror}); name another") from error
    if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ConfigError(f"{folder}: others could read or change what is cached there; chmod 700 it, or name another folder")


def _read(path: Path) -> bytes | None:
    """The file's bytes, empty if it is no entry whatever it holds; None if it is not there."""
    try:
        # NONBLOCK, or a pipe of that name would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        if path.is_symlink():
            return b""
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(ENTRY_BYTES + 1)
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Of each entry, when it was written, its size and its path. What was never finished is removed."""
    for shelf in filter(lambda shelf: _SHELF.fullmatch(shelf.name), list(folder.iterdir())):
        for path in list(shelf.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                if _ENTRY.fullmatch(path.name):
                    yield about.st_mtime, about.st_size, path
                elif _UNFINISHED.fullmatch(path.name) and about.st_mtime < time.time() - _LEFTOVER_SECONDS:
                    path.unlink()


@contextlib.contextmanager
def _one_line_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{folder}: the cache cannot be used: {error.strerror or type(error).__name__}") from error
