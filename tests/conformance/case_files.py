"""The far functions of a run's files, checkpoints and forks, as cases have them: `host/vfs.py` behind the names that an engine gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from cellblock.host.vfs import Vfs, VfsLimits
from cellblock.repl.protocol import CellError

LIMITS = VfsLimits(total_bytes=100_000, file_bytes=50_000, files=20)
KINDS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, OSError, ValueError, TypeError)
"""What cells see of what a file system raises: the first that fits."""


class Files:
    """One session's world: its files above those of a parent run, and names for copies of them."""

    def __init__(self) -> None:
        parent = Vfs(LIMITS)
        parent.write("/evidence/parent.txt", b"of the parent\n")
        self.vfs, self.copies = Vfs(LIMITS, base=parent), dict[str, Vfs]()

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """Around each call."""
        yield

    def vfs__read(self, path: str, binary: bool = False) -> str | bytes:
        """A file's text, or its bytes."""
        data = self.vfs.read(path)
        return data if binary else data.decode()

    def vfs__write(self, path: str, data: str | bytes) -> None:
        self.vfs.write(path, _data(data))

    def vfs__append(self, path: str, data: str | bytes) -> None:
        self.vfs.append(path, _data(data))

    def vfs__list(self, path: str = "/") -> list[str]:
        return self.vfs.list(path)

    def vfs__exists(self, path: str) -> bool:
        return self.vfs.exists(path)

    def vfs__delete(self, path: str) -> None:
        self.vfs.delete(path)

    def vfs__diff(self, fork: str) -> dict[str, str]:
        return self.vfs.diff(self.copies[fork])

    def checkpoint__create(self, label: str = "") -> str:
        self.copies[label] = self.vfs.copy()
        return label

    def checkpoint__list(self) -> list[str]:
        return list(self.copies)

    def fork__run_all(self, cells: dict[str, str]) -> dict[str, int]:
        """Sizes of the cells: nothing runs here."""
        return {name: len(code) for name, code in cells.items()}

    def strategy__status(self) -> dict[str, Any]:
        return {"forks": len(self.copies)}


def _data(data: str | bytes) -> bytes:
    return data.encode() if type(data) is str else data  # type: ignore[return-value]


def file_functions(files: Files | None = None) -> dict[str, Callable[..., Any]]:
    """All of them, on files of their own."""
    files = files or Files()
    return {name: _told(files, getattr(files, name)) for name in dir(files) if "__" in name.strip("_")}


def _told(files: Files, function: Callable[..., Any]) -> Callable[..., Any]:
    def far(*args: Any, **named: Any) -> Any:
        try:
            with files.settled():
                return function(*args, **named)
        except KINDS as error:
            kind = next(kind for kind in KINDS if isinstance(error, kind))
            raise CellError(kind.__name__, str(error)) from None

    return far
