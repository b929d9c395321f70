"""Virtual files become real ones below a folder, and nothing outside of it is touched, whatever lies in it or happens to it meanwhile.

Every name is opened on its own, from the folder before it, and no symbolic link is ever followed. The bytes are written to a hidden folder
first, in which a full disk is noticed, and then moved to their places: a file that is replaced is never written to, so neither
is what it is a hard link of.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError, StoreError
from .vfs_paths import folders_of, normal, shown

PATH_CHARS = 4_000
"""The system's own limit on a path is 4,096 bytes."""
NAME_BYTES = 255
"""Of one name, on the usual file systems."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REASONS = {
    errno.ENOTDIR: "it is a file, or in one",
    errno.EEXIST: "it is in a file",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
}
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def export(vfs_files: Mapping[str, bytes], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write files below `folder`, which is made if it is not there; files get mode 0600, folders 0700.

    Args:
        vfs_files: bytes by virtual path, as `Vfs.files` gives them.
        overwrite: `folder` may hold files; those of the same names are replaced.

    Returns:
        The files' real paths, sorted.

    Raises:
        ConfigError: `folder` is a file or a link, or holds something; a path is none that a `Vfs` has.
        StoreError: a link or the like stands in the way, two names are one to this file system, or it does not take the bytes. What was
            written is gone again; where `overwrite` has replaced files by then, the message names them.
    """
    paths = sorted(vfs_files)
    _check_paths(paths)
    made = _open_folder(folder)
    try:
        with contextlib.closing(_Root(made.fd, folder, overwrite)) as root:
            root.check(paths)
            root.export(paths, vfs_files)
    except BaseException:
        made.undo(folder)
        raise
    return [folder / path[1:] for path in paths]


@dataclass(frozen=True)
class _Opened:
    fd: int
    is_new: bool

    def undo(self, folder: Path) -> None:
        if self.is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _open_folder(folder: Path) -> _Opened:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
            is_new = True
        except FileExistsError:
            is_new = False
        return _Opened(os.open(folder, _FOLDER), is_new)
    except OSError as error:
        what = "a link; give the folder that it leads to" if folder.is_symlink() else _reason(error)
        raise ConfigError(f"{shown(str(folder))} cannot be exported to: {what}") from None
    except ValueError:
        raise ConfigError(f"{shown(str(folder))}: a NUL character cannot stand in a path") from None


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, error.strerror or type(error).__name__)


def _check_paths(paths: Sequence[str]) -> None:
    known = set(paths)
    for path in paths:
        try:
            usual = normal(path, PATH_CHARS)
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error)) from None
        if usual != path or path == "/":
            raise ConfigError(f"{shown(path)} is no virtual file's path; such paths look like '/artifacts/a.txt'")
        if max(len(name.encode()) for name in path.split("/")) > NAME_BYTES:
            raise ConfigError(f"{shown(path)}: a name of more than {NAME_BYTES} bytes does not fit this file system; rename the file")
        if (both := next((around for around in folders_of(path) if around in known), None)) is not None:
            raise ConfigError(f"{shown(both)} is given as a file, and is the folder of {shown(path)}")


@dataclass
class _Root:
    """The real folder while files are written below it."""

    fd: int
    folder: Path
    overwrite: bool
    placed: dict[tuple[int, int], str] = field(default_factory=dict)
    """Files in their places, by device and number."""
    replaced: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    """Folders below, outermost first."""

    def close(self) -> None:
        os.close(self.fd)

    def check(self, paths: Sequence[str]) -> None:
        """Look at everything that stands in a place that is needed, before anything is written."""
        if not self.overwrite:
            if os.listdir(self.fd):  # noqa: PTH208 - by its descriptor
                raise ConfigError(f"{shown(str(self.folder))} is not empty; export to another folder, or with overwrite=True")
            return
        for path in paths:
            with self._told(path), contextlib.suppress(FileNotFoundError), self._folder_of(path, make=False) as (fd, name):
                self._standing(fd, name, path)

    def export(self, paths: Sequence[str], files: Mapping[str, bytes]) -> None:
        """Write all, then move all."""
        name = f".cellblock-{secrets.token_hex(8)}"
        with self._told(name):
            os.mkdir(name, 0o700, dir_fd=self.fd)
            staging = os.open(name, _FOLDER, dir_fd=self.fd)
        try:
            for number, path in enumerate(paths):
                with self._told(path):
                    _write(staging, str(number), files[path])
            self._place_all(staging, paths)
        finally:
            for number in range(len(paths)):
                with contextlib.suppress(OSError):
                    os.unlink(str(number), dir_fd=staging)
            os.close(staging)
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=self.fd)

    def _place_all(self, staging: int, paths: Sequence[str]) -> None:
        try:
            for number, path in enumerate(paths):
                with self._told(path), self._folder_of(path, make=True) as (fd, name):
                    self._place(staging, str(number), fd, name, path)
        except BaseException as error:
            self._take_back()
            if self.replaced and isinstance(error, StoreError):
                raise StoreError(f"{error}; replaced already: {', '.join(map(shown, self.replaced[:10]))}") from None
            raise

    def _place(self, staging: int, number: str, fd: int, name: str, path: str) -> None:
        there = self._standing(fd, name, path)
        if there is not None and (first := self.placed.get(there)) is not None:
            raise StoreError(f"{shown(first)} and {shown(path)} are one name to this file system; rename one of them")
        if there is not None and not self.overwrite:
            raise StoreError(f"{shown(path)}: something else has just been put there; export again")
        found = os.stat(number, dir_fd=staging)
        # Whatever has come to stand there since it was looked at is replaced, and not followed.
        os.rename(number, name, src_dir_fd=staging, dst_dir_fd=fd)
        self.placed[found.st_dev, found.st_ino] = path
        if there is not None:
            self.replaced.append(path)

    def _standing(self, fd: int, name: str, path: str) -> tuple[int, int] | None:
        """Device and number of the file that stands there."""
        try:
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{shown(path)}: {_kind(found.st_mode)} is in the way in {shown(str(self.folder))}; remove it")
        return found.st_dev, found.st_ino

    @contextlib.contextmanager
    def _folder_of(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        """The descriptor of the folder that a file belongs into, and the file's name."""
        *_, name = path.split("/")
        fd = os.dup(self.fd)
        try:
            for around in folders_of(path):
                inner = self._step(fd, around, make=make)
                os.close(fd)
                fd = inner
            yield fd, name
        finally:
            os.close(fd)

    def _step(self, fd: int, around: str, *, make: bool) -> int:
        name = around.rpartition("/")[2]
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=fd)
                self.made.append(around)
        try:
            return os.open(name, _FOLDER, dir_fd=fd)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
            raise StoreError(f"{shown(around)}: {_kind(mode)} is in the way in {shown(str(self.folder))}; remove it") from None

    def _take_back(self) -> None:
        """Remove what was made; a file that took another one's place stays, since that one is gone."""
        replaced = set(self.replaced)
        for number, path in self.placed.items():
            if path not in replaced:
                with contextlib.suppress(OSError, StoreError), self._folder_of(path, make=False) as (fd, name):
                    if self._standing(fd, name, path) == number:
                        os.unlink(name, dir_fd=fd)
        for around in reversed(self.made):
            with contextlib.suppress(OSError, StoreError), self._folder_of(around, make=False) as (fd, name):
                os.rmdir(name, dir_fd=fd)

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """What the system refuses becomes one line."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"{shown(path)} cannot be written below {shown(str(self.folder))}: {_reason(error)}") from None


def _write(folder: int, name: str, data: bytes) -> None:
    with open(os.open(name, _NEW_FILE, 0o600, dir_fd=folder), "wb") as file:
        file.write(data)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a file" if stat.S_ISREG(mode) else "something that is no file"
