"""The compile cache: machine code for the artefact's modules, which nobody but this user may have written.

Code that is loaded from here runs outside of both walls for a moment (the zygote maps it before the jail is closed), so files and
folders that somebody else owns or can write are refused, and so is every file whose hash is not the manifest's.

Layout: `<key>.json`, the manifest, names the files by their hashes: `<sha256>.code`. Manifests are replaced whole, files never change.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

PREPARE = "run: cellblock prepare wasi"
MANIFEST_BYTES = 2**16
CODE_BYTES = 2**30
_FOREIGN_WRITERS = stat.S_IWGRP | stat.S_IWOTH


class CacheError(Exception):
    """Nothing usable is there; the message is one line that says what to do."""


@dataclass(frozen=True)
class Cached:
    """One file of the cache, as the manifest names it."""

    sha256: str
    size: int


class Cache:
    """One folder with compiled code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open_files(self, key: str, count: int) -> list[int]:
        """Descriptors of `key`'s files in order, each checked to be ours and undamaged. The caller closes them.

        Raises:
            CacheError: they are not there, damaged, or not ours.
        """
        self._check_folder()
        descriptors: list[int] = []
        try:
            for entry in self._manifest(key, count):
                descriptors.append(self._open(f"{entry.sha256}.code", CODE_BYTES))
                if _digest(descriptors[-1]) != entry:
                    raise CacheError(f"the compiled guest in {self.folder} is damaged; {PREPARE}")
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        return descriptors

    def make_ready(self) -> None:
        """Make the folder, if it is not there.

        Raises:
            CacheError: it is not ours.
            OSError: it cannot be made.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_folder()

    def store(self, key: str, codes: list[bytes]) -> None:
        """Write the files of `key`, then its manifest; whoever reads meanwhile sees the old state or the new one.

        Raises:
            CacheError: the folder is not ours.
            OSError: it cannot be written.
        """
        self.make_ready()
        entries = []
        for code in codes:
            sha256 = hashlib.sha256(code).hexdigest()
            self._write(f"{sha256}.code", code)
            entries.append({"sha256": sha256, "size": len(code)})
        self._write(f"{key}.json", json.dumps(entries).encode())

    def _check_folder(self) -> None:
        try:
            found = os.lstat(self.folder)
        except FileNotFoundError:
            raise CacheError(f"no compiled guest; {PREPARE}") from None
        except OSError as error:
            raise CacheError(f"{self.folder}: {error.strerror}") from None
        if not stat.S_ISDIR(found.st_mode):
            raise CacheError(f"{self.folder} is not a folder; remove it, then {PREPARE}")
        _check_owner(self.folder, found)
        for parent in self.folder.absolute().parents:
            _check_parent(parent)

    def _manifest(self, key: str, count: int) -> list[Cached]:
        descriptor = self._open(f"{key}.json", MANIFEST_BYTES)
        try:
            raw = json.loads(os.read(descriptor, MANIFEST_BYTES))
            entries = [Cached(_hexadecimal(entry["sha256"]), int(entry["size"])) for entry in raw]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise CacheError(f"the manifest in {self.folder} is damaged; {PREPARE}") from None
        finally:
            os.close(descriptor)
        if len(entries) != count:
            raise CacheError(f"the compiled guest in {self.folder} is another artefact's; {PREPARE}")
        return entries

    def _open(self, name: str, limit: int) -> int:
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise CacheError(f"no compiled guest; {PREPARE}") from None
        except OSError as error:
            raise CacheError(f"{path} cannot be opened as a file ({error.strerror}); remove it, then {PREPARE}") from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
                raise CacheError(f"{path} is no file of ours; remove it, then {PREPARE}")
            _check_owner(path, found)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _write(self, name: str, data: bytes) -> None:
        partial = self.folder / f".{name}.{os.getpid()}"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / name)


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise CacheError(f"{path} belongs to another user (uid {found.st_uid}); remove it, then {PREPARE}")
    if found.st_mode & _FOREIGN_WRITERS:
        raise CacheError(f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):o}); remove it, then {PREPARE}")


def _check_parent(path: Path) -> None:
    # Whoever can put another folder in the place of ours could have filled it: by a link of his own, or where anybody may rename.
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
        raise CacheError(f"{path} is another user's link; choose another CELLBLOCK_CACHE, then {PREPARE}")
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise CacheError(f"{path} can be written by anybody; choose another CELLBLOCK_CACHE, then {PREPARE}")


def _hexadecimal(name: object) -> str:
    if not isinstance(name, str) or len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise ValueError("not the name of a file of ours")
    return name


def _digest(descriptor: int) -> Cached:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return Cached(found, os.fstat(descriptor).st_size)
