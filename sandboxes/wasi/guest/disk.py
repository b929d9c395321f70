"""The session's virtual files in the place of the file system that WASI does not give: `open`, and what `pathlib`, `os.path`, `glob`
and `shutil` are made of. Without such files everything fails as it did.
"""

from __future__ import annotations

import builtins
import io
import os
import stat
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from virtual_files import Files

_PLAIN = {
    name: getattr(os, name)
    for name in ("stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "remove", "unlink", "rename", "replace", "access")
}
_GETCWD = os.getcwd


class Entry:
    """What `os.scandir` gives for each name."""

    def __init__(self, folder: str, name: str, is_folder: bool) -> None:
        self.name, self.path, self._is_folder = name, os.path.join(folder, name), is_folder

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""
        return self._is_folder

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a file."""
        return not self._is_folder

    def is_symlink(self) -> bool:
        """There are none."""
        return False

    def is_junction(self) -> bool:
        """There are none."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """As `os.stat`."""
        return os.stat(self.path)

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class Entries:
    """What `os.scandir` gives."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        return self._entries

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def close(self) -> None:
        """Nothing is held."""


class Disk:
    """`os` and `open` over the files of one session."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        """As the built-in."""
        return self.files.open(_text(file), mode, None if encoding == "locale" else encoding, errors, newline)

    def stat(self, path: Any, *, dir_fd: Any = None, follow_symlinks: bool = True) -> os.stat_result:
        """Size and kind; the times are the session's beginning of time."""
        text = _text(path)
        kind = self.files.kind(text)
        if kind == "folder":
            return _status(stat.S_IFDIR | 0o700, 0)
        return _status(stat.S_IFREG | 0o600, len(self.files.read(text)))

    def lstat(self, path: Any, *, dir_fd: Any = None) -> os.stat_result:
        """As `stat`: there are no links."""
        return self.stat(path)

    def access(self, path: Any, mode: int, **_given: Any) -> bool:
        """Whether anything is there."""
        return self.files.kind(_text(path)) is not None

    def listdir(self, path: Any = ".") -> list[str]:
        """Names in a folder."""
        return list(self.files.names_in(_text("." if path is None else path)))

    def scandir(self, path: Any = ".") -> Entries:
        """Names in a folder, and what they are."""
        text = _text("." if path is None else path)
        return Entries([Entry(text, name, is_folder) for name, is_folder in self.files.names_in(text).items()])

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: Any = None) -> None:
        """Nothing: a folder comes with its first file."""
        self.files.make_folder(_text(path))

    def rmdir(self, path: Any, *, dir_fd: Any = None) -> None:
        """Nothing: a folder goes with its last file."""
        if self.files.names_in(_text(path)):
            raise OSError(f"{_text(path)[:100]!r} is not empty; delete its files")

    def remove(self, path: Any, *, dir_fd: Any = None) -> None:
        """Delete a file."""
        self.files.ask("delete", _text(path))

    unlink = remove

    def rename(self, src: Any, dst: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> None:
        """Move a file."""
        self.files.move(_text(src), _text(dst))

    replace = rename


def install(files: Files) -> None:
    """Put it into `os`, `io` and the built-ins, for good; in a session without files `os` answers as before."""
    disk = Disk(files)
    builtins.open = io.open = disk.open
    for name, plain in _PLAIN.items():
        setattr(os, name, _chosen(files, getattr(disk, name), plain))
    os.getcwd = lambda: "/" if files.are_there else _GETCWD()


def _chosen(files: Files, ours: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(*args: Any, **named: Any) -> Any:
        return (ours if files.are_there else plain)(*args, **named)

    chosen.__name__ = chosen.__qualname__ = ours.__name__
    return chosen


def _text(path: Any) -> str:
    if isinstance(path, int):
        raise OSError("a number of an open file means nothing here; give a path")
    return os.fsdecode(path)


def _status(mode: int, size: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, 0, 0, size, 0, 0, 0))
