"""A run's virtual files: bytes by path, under quotas. No file of this machine is ever touched.

Paths are absolute, and written in one way only: `/plans/a.txt`. A folder is there as long as a file is in it; the four of `FOLDERS`
always are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..limits import check_limits
from .vfs_paths import FOLDERS, SHOWN_CHARS, folders_of, inside, normal, shown

Paths = list[str]
"""`list` is a method's name below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VfsLimits:
    """Quotas of one run's own files; what it sees of its parent's is not counted.

    Raises:
        ConfigError: a field is not a finite number greater than 0.
    """

    total_bytes: int = 16 * 2**20
    """Of all files."""
    file_bytes: int = 4 * 2**20
    """Of one file."""
    files: int = 500
    """How many there may be."""
    path_chars: int = 200
    """Of one path."""

    def __post_init__(self) -> None:
        check_limits(self)


class QuotaExceeded(OSError):
    """A write that does not fit. Nothing was changed.

    Attributes:
        limit: the field of `VfsLimits`.
        allowed: its value.
        used: what it would have come to.
    """

    def __init__(self, limit: str, *, allowed: int, used: int) -> None:
        self.limit, self.allowed, self.used = limit, allowed, used
        what = "delete files that are no longer needed" + ("" if limit == "files" else ", or write less")
        super().__init__(f"vfs {limit}={allowed:,} exceeded: {used:,}; {what}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the data: `OSError` would give the message for the limit."""
        return _quota_exceeded, (self.limit, self.allowed, self.used)


def _quota_exceeded(limit: str, allowed: int, used: int) -> QuotaExceeded:
    return QuotaExceeded(limit, allowed=allowed, used=used)


class Vfs:
    """Files of one run.

    Every method takes a path in any spelling and may raise TypeError (it is no str) or ValueError (it is no path of this kind). A
    refused operation changes nothing. A copy costs about 10 ns a file, whatever the files hold, since their bytes are never changed.
    """

    __slots__ = ("_below", "_own", "_total", "limits")

    def __init__(self, limits: VfsLimits = VfsLimits(), base: Vfs | None = None) -> None:
        """Empty, or above the files of `base` as they are now, which can be read and not changed."""
        self.limits = limits
        self._own: dict[str, bytes] = {}
        # Never changed once made, so copies share it.
        self._below: Mapping[str, bytes] = {} if base is None else {**base._below, **base._own}
        self._total = 0

    def normal(self, path: str) -> str:
        """`path` as it is kept; see `vfs_paths.normal`."""
        return normal(path, self.limits.path_chars)

    # -- looking

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError, IsADirectoryError, NotADirectoryError: it is no file.
        """
        at = self.normal(path)
        found = self._found(at)
        if found is None:
            self._refuse_folder(at, "vfs.list(path) gives its files")
            raise self._missing(at)
        return found

    def exists(self, path: str) -> bool:
        """Whether a file or a folder is there."""
        at = self.normal(path)
        return self._found(at) is not None or self._is_folder(at)

    def is_dir(self, path: str) -> bool:
        """Whether a folder is there."""
        return self._is_folder(self.normal(path))

    def list(self, path: str = "/") -> Paths:
        """Paths of all files in a folder and below it, sorted; a file's own path for a file.

        Raises:
            FileNotFoundError, NotADirectoryError: nothing is there.
        """
        at = self.normal(path)
        if self._found(at) is not None:
            return [at]
        if not self._is_folder(at):
            raise self._missing(at)
        return sorted(self._within(at))

    def folder(self, path: str) -> Paths:
        """Names of the files and folders directly in a folder, sorted.

        Raises:
            FileNotFoundError, NotADirectoryError: it is no folder.
        """
        at = self.normal(path)
        if self._found(at) is not None:
            raise NotADirectoryError(f"{shown(at)} is a file; vfs.read(path) gives what is in it")
        if not self._is_folder(at):
            raise self._missing(at)
        start = len(inside(at))
        names = {found[start:].partition("/")[0] for found in self._within(at)}
        return sorted(names.union(name[1:] for name in FOLDERS) if at == "/" else names)

    def sizes(self) -> dict[str, int]:
        """Bytes of each file that can be read, sorted by path."""
        return {path: len(data) for path, data in sorted(self._all().items())}

    def files(self) -> dict[str, bytes]:
        """The run's own files, in a dict of the caller's own."""
        return dict(self._own)

    @property
    def total_bytes(self) -> int:
        """Bytes of the run's own files."""
        return self._total

    # -- changing

    def write(self, path: str, data: bytes) -> None:
        """Make a file hold `data` alone, and make its folders.

        Raises:
            QuotaExceeded: it does not fit.
            PermissionError: it is the parent run's.
            IsADirectoryError, NotADirectoryError: a folder is there, or a file where a folder is needed.
        """
        self._put(self._writable(path), _bytes(data))

    def append(self, path: str, data: bytes) -> None:
        """Add `data` to a file's end; as `write` where there is no file. Copies the file, so it takes as long as the file is large."""
        at, more = self._writable(path), _bytes(data)
        before = self._own.get(at, b"")
        self._check_quota("file_bytes", len(before) + len(more))
        self._put(at, before + more)

    def delete(self, path: str) -> None:
        """Remove a file, and with a folder's last file the folder.

        Raises:
            PermissionError: it is the parent run's.
            FileNotFoundError, IsADirectoryError, NotADirectoryError: it is no file.
        """
        at = self.normal(path)
        self._refuse_below(at)
        if at not in self._own:
            self._refuse_folder(at, "delete its files one by one")
            raise self._missing(at)
        self._total -= len(self._own.pop(at))

    def copy(self) -> Vfs:
        """Another one with the same files; what is done to either is not seen in the other."""
        other = Vfs(self.limits)
        other._own, other._below, other._total = dict(self._own), self._below, self._total
        return other

    def diff(self, other: Vfs) -> dict[str, str]:
        """What makes `other` of this one: `added`, `changed` or `removed` by path, sorted."""
        mine, theirs = self._all(), other._all()
        found = dict.fromkeys(mine.keys() - theirs.keys(), "removed") | dict.fromkeys(theirs.keys() - mine.keys(), "added")
        found |= {path: "changed" for path in mine.keys() & theirs.keys() if mine[path] != theirs[path]}
        return dict(sorted(found.items()))

    # -- inside; paths are normal from here on

    def _found(self, path: str) -> bytes | None:
        found = self._own.get(path)
        return self._below.get(path) if found is None else found

    def _all(self) -> dict[str, bytes]:
        return {**self._below, **self._own}

    def _within(self, folder: str) -> Iterator[str]:
        start = inside(folder)
        return (path for files in (self._own, self._below) for path in files if path.startswith(start))

    def _is_folder(self, path: str) -> bool:
        return path == "/" or path in FOLDERS or next(self._within(path), None) is not None

    def _writable(self, path: str) -> str:
        at = self.normal(path)
        self._refuse_below(at)
        if at not in self._own:
            self._refuse_folder(at, "name a file in it")
            self._refuse_file_as_folder(at)
        return at

    def _refuse_below(self, path: str) -> None:
        if path in self._below:
            raise PermissionError(f"{shown(path)} is the parent run's, and can only be read; write to a path of your own")

    def _refuse_folder(self, path: str, instead: str) -> None:
        if self._is_folder(path):
            raise IsADirectoryError(f"{shown(path)} is a folder; {instead}")

    def _refuse_file_as_folder(self, path: str) -> None:
        for folder in folders_of(path):
            if self._found(folder) is not None:
                raise NotADirectoryError(f"{shown(folder)} is a file, so nothing can be in it; use another folder, or delete it")

    def _missing(self, path: str) -> FileNotFoundError:
        self._refuse_file_as_folder(path)
        return FileNotFoundError(f"no file {shown(path)}; vfs.list() gives the paths of all")

    def _put(self, path: str, data: bytes) -> None:
        before = self._own.get(path)
        total = self._total - len(before or b"") + len(data)
        self._check_quota("file_bytes", len(data))
        self._check_quota("files", len(self._own) + (before is None))
        self._check_quota("total_bytes", total)
        self._own[path], self._total = data, total

    def _check_quota(self, limit: str, used: int) -> None:
        allowed: int = getattr(self.limits, limit)
        if used > allowed:
            raise QuotaExceeded(limit, allowed=allowed, used=used)


def _bytes(data: bytes) -> bytes:
    if type(data) is not bytes:
        raise TypeError(f"a file holds bytes, not {type(data).__name__[:SHOWN_CHARS]}; encode a text as UTF-8")
    return data
