"""What cells do with `open`, `pathlib` and `os`, answered by the far functions of a session's virtual files.

Monty asks its host for every operation, and for each `write` of an open file, but not when a file is closed. So what is written waits
here, and goes out in one call before the cell's next use of files, and when the cell has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

import pydantic_monty as monty

from interpreter import Dispatch, GuestError

WAITING_BYTES = 2**18
WAITING_FILES = 100
"""So much of each of so many files waits at most: this process has a limit of its own."""
NO_FILES = "there are no files here: keep data in variables; ctx and P hold the context"


class OsFiles:
    """One session's files. Between cells nothing waits."""

    def __init__(self) -> None:
        self.dispatch: Dispatch
        self._methods: frozenset[str] = frozenset()
        self._waiting: dict[str, bytearray] = {}
        self._answers: dict[str, Callable[..., Any]] = {
            "open": self._open,
            "Path.exists": lambda path: self._kind(path) is not None,
            "Path.is_file": lambda path: self._kind(path) == "file",
            "Path.is_dir": lambda path: self._kind(path) == "folder",
            "Path.is_symlink": lambda path: False,
            "Path.read_text": self._read_text,
            "Path.read_bytes": lambda path: self._ask("read", path, binary=True),
            "Path.write_text": lambda path, text: self._write(path, text.encode(), len(text)),
            "Path.write_bytes": lambda path, data: self._write(path, data, len(data)),
            "Path.append_text": lambda path, text: self._append(path, text.encode(), len(text)),
            "Path.append_bytes": lambda path, data: self._append(path, data, len(data)),
            "Path.unlink": lambda path: self._ask("delete", path),
            "Path.mkdir": self._make_folder,
            "Path.rmdir": self._remove_folder,
            "Path.iterdir": self._names_in,
            "Path.scan": self._scan,
            "Path.stat": self._stat,
            "Path.rename": self._rename,
            "Path.resolve": PurePosixPath,
            "Path.absolute": PurePosixPath,
        }

    def offer(self, far: Iterable[str]) -> None:
        """Know which far functions the session has."""
        self._methods = frozenset(name.removeprefix("vfs__") for name in far if name.startswith("vfs__"))

    def begin(self, dispatch: Dispatch) -> None:
        """A cell begins; whatever an interrupted one left is gone with its variables."""
        self.dispatch = dispatch
        self._waiting.clear()

    def knows(self, name: str) -> bool:
        """Whether an operation of this name is one of files."""
        return name in self._answers

    def answer(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The answer to one operation.

        Raises:
            GuestError: what the cell is to see.
        """
        if "read" not in self._methods:
            raise GuestError("PermissionError", NO_FILES)
        try:
            return self._answers[name](*map(_path_text, args), **named)
        except UnicodeDecodeError as error:
            raise GuestError("UnicodeDecodeError", str(error)) from None
        except (TypeError, ValueError, AttributeError) as error:  # arguments of another kind than expected
            raise GuestError("ValueError" if isinstance(error, ValueError) else "TypeError", f"{name}: {str(error)[:200]}") from None

    def save_all(self) -> None:
        """Send what waits. The first error counts, and what it is about is not tried again."""
        first: GuestError | None = None
        while self._waiting:
            try:
                self._save(next(iter(self._waiting)))
            except GuestError as error:
                first = first or error
                if error.kind == "RuntimeError":  # the host answers no more calls of this cell: to go on asking would end the session
                    self._waiting.clear()
        if first is not None:
            raise first

    def _save(self, path: str) -> None:
        self._call("append", path, bytes(self._waiting.pop(path)))

    def _call(self, method: str, *args: Any, **named: Any) -> Any:
        if method not in self._methods:
            raise GuestError("PermissionError", f"vfs.{method} is not available in this session")
        return self.dispatch(f"vfs__{method}", args, named)

    def _ask(self, method: str, *args: Any, **named: Any) -> Any:
        self.save_all()
        return self._call(method, *args, **named)

    # -- operations

    def _files_below(self, path: str) -> list[str]:
        found: list[str] = self._ask("list", path)
        return found

    def _kind(self, path: str) -> str | None:
        try:
            return "file" if self._files_below(path) == [path] else "folder"
        except GuestError as error:
            if error.kind in ("FileNotFoundError", "NotADirectoryError"):
                return None
            raise

    def _open(self, path: str, mode: str) -> Any:
        handle = monty.MontyFileHandle(path, mode)
        if handle.mode.startswith("r"):
            if self._kind(path) != "file":
                self._ask("read", path)  # says what is wrong
        else:  # now, so that a path that cannot be written to is an error here
            self._ask("write" if handle.mode.startswith("w") else "append", path, b"")
        return handle

    def _read_text(self, path: str) -> str:
        data: bytes = self._ask("read", path, binary=True)
        return data.decode()

    def _write(self, path: str, data: bytes, count: int) -> int:
        self._ask("write", path, data)
        return count

    def _append(self, path: str, data: bytes, count: int) -> int:
        if path not in self._waiting and len(self._waiting) >= WAITING_FILES:
            self.save_all()
        waiting = self._waiting.setdefault(path, bytearray())
        waiting += data
        if len(waiting) > WAITING_BYTES:
            self._save(path)
        return count

    def _make_folder(self, path: str, parents: bool = False, exist_ok: bool = False) -> None:
        kind = self._kind(path)
        if kind == "file" or (kind is not None and not exist_ok):
            raise GuestError("FileExistsError", f"{path[:100]!r} is there already")

    def _remove_folder(self, path: str) -> None:
        if self._names_in(path):
            raise GuestError("OSError", f"{path[:100]!r} is not empty; delete its files")

    def _names_in(self, path: str) -> list[PurePosixPath]:
        found, inside = self._files_below(path), path.rstrip("/") + "/"
        if found == [path]:
            raise GuestError("NotADirectoryError", f"{path[:100]!r} is a file")
        return [PurePosixPath(inside + name) for name in sorted({one[len(inside) :].partition("/")[0] for one in found})]

    def _scan(self, path: str, **_asked: Any) -> list[Any]:
        # Monty picks those that fit its pattern.
        if self._kind(path) != "folder":
            return []
        inside = path.rstrip("/") + "/"
        files = [one[len(inside) :] for one in self._files_below(path)]
        folders = {one[:end] for one in files for end, char in enumerate(one) if char == "/"}
        return [monty.ScanEntry(one, one in folders, one not in folders, False) for one in sorted([*files, *folders])]

    def _stat(self, path: str) -> Any:
        if self._kind(path) == "folder":
            return monty.StatResult.dir_stat(mtime=0.0)
        return monty.StatResult.file_stat(len(self._ask("read", path, binary=True)), mtime=0.0)

    def _rename(self, source: str, target: str) -> None:
        data = self._ask("read", source, binary=True)
        if source != target:
            self._ask("write", target, data)
            self._ask("delete", source)


def _path_text(value: Any) -> Any:
    """A path as the text that the host knows, from `/`; other arguments as they are."""
    if isinstance(value, monty.MontyFileHandle):
        value = PurePosixPath(value.path)
    if not isinstance(value, PurePosixPath):
        return value
    return "/" + "/".join(part for part in value.parts if part != "/")
