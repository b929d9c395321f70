"""Files, folders, globs and standard input into one sealed text, in a fixed order."""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from .decoding import copy_text
from .sealed import FileEntry, NotText, SealedWriter

MAX_STDIN_BYTES = 2**30
MAX_FOLDERS_DEEP = 64
_NOT_OURS = frozenset({".git", ".hg", ".svn"})
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file inside a folder or behind a glob that is not part of the context."""

    name: str
    why: str


@dataclass
class Loader:
    """Writes what paths lead to, and remembers what it took and what it left out."""

    writer: SealedWriter
    stdin: int = 0
    files: list[FileEntry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def load(self, path: str) -> None:
        """Take a file, a folder, all files behind a glob, or standard input for `-`.

        A file that was named, and is not text, is an error; one that was found is skipped. A name that exists is never
        taken for a glob.

        Raises:
            ConfigError: nothing is there, or it cannot be read, or is not text. One line that names it.
        """
        if path == "-":
            self._load_stdin()
            return
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            if glob.has_magic(path):
                self._load_glob(path)
                return
            raise _refusal(path, error) from None
        except ValueError:
            raise ConfigError(f"{shown(path)}: a NUL character cannot stand in a path") from None
        self._load_named(path, mode)

    def _load_named(self, path: str, mode: int) -> None:
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise ConfigError(f"{shown(path)}: {_kind(mode)}, not a file or folder; pipe it in and give '-'")
        try:
            fd = os.open(path, _OPEN)
        except OSError as error:
            raise _refusal(path, error) from None
        try:
            # Looked at again: what stands there now may not be what stood there a moment ago.
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode):
                self._load_folder(fd, path.rstrip("/") or "/", 1)
            elif (why := self._take(fd, path, mode)) is not None:
                raise ConfigError(f"{shown(path)}: {why}")
        finally:
            os.close(fd)

    def _load_glob(self, pattern: str) -> None:
        base, matches = _matches(pattern)
        if not matches:
            raise ConfigError(f"{shown(pattern)}: no file matches")
        for path in matches:
            self._found_below(base, path)

    def _found_below(self, base: Path, path: str) -> None:
        # From the named folder on, descriptors as in a folder: a link among the folders that a glob went through leads outside.
        *folders, name = Path(path).relative_to(base).parts
        with ExitStack() as opened:
            try:
                fd = _opened(opened, str(base), None)
                for folder in folders:
                    fd = _opened(opened, folder, fd)
            except OSError as error:
                why = "behind a symbolic link" if error.errno == errno.ENOTDIR else _why(error)
                self.skipped.append(Skipped(shown(path), why))
                return
            self._found(name, fd, path)

    def _load_folder(self, folder: int, name: str, deep: int) -> None:
        # Links are not followed at all: where they lead inside the folder is loaded under its own name anyway, and what
        # lies outside was not given to us. Descriptors all the way down, so that no component can be swapped for a link.
        with os.scandir(folder) as entries:
            # Type and name only: nothing is opened, so a device is not touched.
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        for child, is_folder in found:
            path = f"{name.rstrip('/')}/{child}"
            if is_folder:
                self._enter(folder, child, path, deep)
            else:
                self._found(child, folder, path)

    def _enter(self, parent: int, child: str, path: str, deep: int) -> None:
        why = "version control's own files" if child in _NOT_OURS else f"more than {MAX_FOLDERS_DEEP} folders deep"
        if child in _NOT_OURS or deep >= MAX_FOLDERS_DEEP:
            self.skipped.append(Skipped(shown(path), why))
            return
        try:
            fd = os.open(child, _OPEN | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=parent)
        except OSError as error:
            self.skipped.append(Skipped(shown(path), _why(error)))
            return
        try:
            self._load_folder(fd, path, deep + 1)
        finally:
            os.close(fd)

    def _found(self, name: str, folder: int | None, path: str | None = None) -> None:
        """Take a file that was found, not named; whatever is wrong with it is noted and no more."""
        shown_path = shown(path or name)
        try:
            why = self._open_found(name, folder, path or name)
        except OSError as error:
            why = _why(error)
        if why is not None:
            self.skipped.append(Skipped(shown_path, why))

    def _open_found(self, name: str, folder: int | None, path: str) -> str | None:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            return _kind(mode)
        fd = os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=folder)
        try:
            return self._take(fd, path, os.fstat(fd).st_mode)
        finally:
            os.close(fd)

    def _load_stdin(self) -> None:
        before, limit = self.writer.bytes, self.writer.max_bytes
        self.writer.max_bytes = min(limit, before + MAX_STDIN_BYTES)
        try:
            why = self._take(self.stdin, "stdin", stat.S_IFREG)
        except OSError as error:
            raise _refusal("stdin", error) from None
        finally:
            self.writer.max_bytes = limit
        if why is not None:
            raise ConfigError(f"stdin: {why}")

    def _take(self, fd: int, name: str, mode: int) -> str | None:
        """Copy one open file. Returns why it is not text, None if it was taken."""
        if not stat.S_ISREG(mode):
            return _kind(mode)
        self.writer.begin()
        try:
            copy_text(fd, self.writer)
        except (NotText, OSError) as error:
            self.writer.undo()
            return f"not text ({error})" if isinstance(error, NotText) else _why(error)
        self.files.append(self.writer.end(shown(name)))
        return None


def load_paths(writer: SealedWriter, paths: Iterable[str | os.PathLike[str]], *, stdin: int = 0) -> Loader:
    """Load every path in order; see `Loader.load`.

    Raises:
        ConfigError: a path is no str or Path, or leads to nothing that can be loaded.
    """
    loader = Loader(writer, stdin)
    for path in paths:
        name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else path
        if not isinstance(name, str) or not name:
            raise ConfigError(f"a path is a non-empty str or a Path, not {name!r:.100}")
        loader.load(name)
    return loader


def shown(name: str) -> str:
    """`name` on one line, whatever it holds."""
    return name if name.isprintable() else ascii(name)[1:-1]


def _opened(stack: ExitStack, folder: str, parent: int | None) -> int:
    """A descriptor of `folder`; below `parent` it must not be a link."""
    fd = os.open(folder, _OPEN | os.O_DIRECTORY | (os.O_NOFOLLOW if parent is not None else 0), dir_fd=parent)
    stack.callback(os.close, fd)
    return fd


def _matches(pattern: str) -> tuple[Path, list[str]]:
    """The folder that a glob names before its first magic part, and the files, never folders, that it finds there, sorted."""
    parts = Path(pattern).parts
    magic = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:magic])
    # Not the glob module: its `**` walks through links, and two that point upwards take it for ever.
    try:
        found = sorted(str(path) for path in base.glob(str(Path(*parts[magic:]))))
    except (ValueError, OSError) as error:
        raise ConfigError(f"{shown(pattern)}: {error}") from None
    return base, [path for path in found if not os.path.isdir(path)]  # noqa: PTH112 - a str, not a Path


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder"))
    return next((name for test, name in kinds if test(mode)), "a device")


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a symbolic link"
    return (error.strerror or "cannot be read").lower()


def _refusal(path: str, error: OSError) -> ConfigError:
    return ConfigError(f"{shown(path)}: {(error.strerror or 'cannot be read').lower()}")
