"""`open` over the far functions of a run's virtual files, where the interpreter is a whole CPython (restricted, wasi).

A file is read whole when it is opened, and written whole when it is closed or flushed: one call each. One that a cell leaves open
is written before the cell's next use of files, and when the cell has ended: `f = open(p, "w"); f.write(x)` loses nothing. A large one
is written in between, so that a quota that it passes is seen before it fills the memory.

Standard library alone, and no import of another file of this tree: it is also built into the wasi guest.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

Ask = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]
"""How a far function is called: by its flat name."""
NO_FILES = "there are no files here: keep data in variables; ctx and P hold the context"
LARGE = 2**20
"""Characters or bytes that may wait; more of them where as many were written before, so that all calls together send twice the file."""
_WRITING = frozenset("wax+")
_TEXT_ENCODING = "utf-8"


class Files:
    """A session's virtual files as `open` reaches them.

    Attributes:
        unsaved: files that hold what was not written yet, by identity.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._methods: frozenset[str] = frozenset()
        self.unsaved: dict[int, _Saved] = {}

    def offer(self, far: Iterable[str]) -> None:
        """Know which far functions the session has."""
        self._methods = frozenset(name.removeprefix("vfs__") for name in far if name.startswith("vfs__"))

    @property
    def are_there(self) -> bool:
        """Whether the session has files."""
        return "read" in self._methods

    def ask(self, method: str, *args: Any, **named: Any) -> Any:
        """Call `vfs.<method>`, once everything is written that waits to be.

        Raises:
            PermissionError: the session has no files, or not this method.
        """
        self.save_all()
        return self._call(method, *args, **named)

    def _call(self, method: str, *args: Any, **named: Any) -> Any:
        self._check(method)
        return self._ask(f"vfs__{method}", args, named)

    def _check(self, method: str) -> None:
        if method not in self._methods:
            raise PermissionError(f"vfs.{method} is not available in this session" if self.are_there else NO_FILES)

    def save_all(self) -> None:
        """Write what waits to be written; the first error counts, and what it is about is not tried again."""
        first: Exception | None = None
        while self.unsaved:
            try:
                next(iter(self.unsaved.values())).save()
            except RuntimeError:  # the host answers no more calls of this cell: to go on asking would end the session
                self.unsaved.clear()
                raise
            except (OSError, ValueError, TypeError, LookupError) as error:
                first = first or error
        if first is not None:
            raise first

    # -- what there is

    def files_below(self, path: str) -> list[str]:
        """Paths of all files in a folder and below, or of the file itself.

        Raises:
            FileNotFoundError, NotADirectoryError: nothing is there.
        """
        found: list[str] = self.ask("list", path)
        return found

    def kind(self, path: str) -> str | None:
        """`file`, `folder`, or None where nothing is there."""
        try:
            return "file" if self.files_below(path) == [absolute(path)] else "folder"
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        found: bytes = self.ask("read", path, binary=True)
        return found

    def names_in(self, path: str) -> dict[str, bool]:
        """Names directly in a folder, sorted, and whether each is a folder.

        Raises:
            FileNotFoundError, NotADirectoryError: there is none.
        """
        found, inside = self.files_below(path), absolute(path).rstrip("/") + "/"
        if found == [absolute(path)]:
            raise NotADirectoryError(f"{path[:100]!r} is a file")
        rests = [one[len(inside) :].partition("/") for one in found]
        return {name: bool(slash) for name, slash, _ in sorted(rests)}

    def make_folder(self, path: str) -> None:
        """Nothing, since folders come with their files; an error where something is there already."""
        if self.kind(path) is not None:
            raise FileExistsError(f"{path[:100]!r} is there already")

    def move(self, source: str, target: str) -> None:
        """Rename a file."""
        data = self.read(source)
        if absolute(source) != absolute(target):
            self.ask("write", target, data)
            self.ask("delete", source)

    # -- open

    def open(
        self,
        path: str,
        mode: str = "r",
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextFile | BinaryFile:
        """An open file, as the built-in `open` gives it."""
        mode = _text("mode", mode)
        action, is_binary = _action(mode)
        self._check("read" if mode.strip("bt") == "r" else "append" if action == "a" else "write")
        if is_binary and not (encoding is errors is newline is None):
            raise ValueError("binary mode takes no encoding, errors or newline")
        if action == "x" and self.kind(path) is not None:
            raise FileExistsError(f"{path[:100]!r} is there already")
        data = self.read(path) if action == "r" else b""
        if is_binary:
            return BinaryFile(self, path, mode, data)
        chosen = _text("encoding", encoding or _TEXT_ENCODING), _text("errors", errors or "strict")
        return TextFile(self, path, mode, data, *chosen, newline)


def absolute(path: str) -> str:
    """As the host writes a path that it accepts."""
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"open() argument {what!r} must be str, not {type(value).__name__}")
    return str.__str__(value)


def _action(mode: str) -> tuple[str, bool]:
    """Which of r, w, a, x, and whether it is binary.

    Raises:
        ValueError: it is no mode, or one that is not there.
    """
    letters = [letter for letter in mode if letter in "rwax"]
    if len(letters) != 1 or len(set(mode)) != len(mode) or not set(mode) <= set("rwaxbt+") or {"b", "t"} <= set(mode):
        raise ValueError(f"invalid mode: {mode[:20]!r}; one of r, w, a, x, with b for bytes")
    if letters[0] == "a" and "+" in mode:
        raise ValueError("mode 'a+' is not available here: read the file, then open it with 'a'")
    return letters[0], "b" in mode


class _Saved:
    """What both kinds of file have in common. Comes before the class of `io` that holds what is in the file."""

    _files: Files
    name: str
    mode: str
    _waits = _sent = 0

    def _begin(self, files: Files, path: str, mode: str) -> None:
        self._files, self.name, self.mode = files, path, mode
        if "r" not in mode:
            self._mark()

    def _mark(self) -> None:
        self._files.unsaved[id(self)] = self

    def _bytes(self) -> bytes:
        raise NotImplementedError

    def _forget(self) -> None:
        raise NotImplementedError

    def save(self) -> None:
        """Write it, if there is anything that was not written."""
        if self._files.unsaved.pop(id(self), None) is None:
            return
        data = self._bytes()
        self._waits = 0
        if "a" in self.mode:
            self._forget()
        else:
            self._sent = len(data)
        self._files._call("append" if "a" in self.mode else "write", self.name, data)

    def __repr__(self) -> str:
        return f"<file name={self.name[:100]!r} mode={self.mode!r}>"

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return "r" in self.mode or "+" in self.mode

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return not _WRITING.isdisjoint(self.mode)

    def _to_read(self) -> None:
        if not self.readable():
            _refuse("not readable")

    def _to_write(self) -> None:
        if not self.writable():
            _refuse("not writable")
        if self.closed:  # type: ignore[attr-defined]
            raise ValueError("I/O operation on closed file")
        self._mark()

    def _took(self, count: int) -> int:
        self._waits += count
        if self._waits > max(LARGE, self._sent):
            self.save()
        return count

    def flush(self) -> None:
        """Write it now."""
        super().flush()  # type: ignore[misc]
        self.save()

    def close(self) -> None:
        """Write it, and take no more."""
        try:
            self.save()
        finally:
            super().close()  # type: ignore[misc]


def _refuse(what: str) -> NoReturn:
    raise io.UnsupportedOperation(what)


class TextFile(_Saved, io.StringIO):
    """An open text file."""

    encoding = errors = ""  # so that objects may have their own: the base's cannot be set

    def __init__(self, files: Files, path: str, mode: str, data: bytes, encoding: str, errors: str, newline: str | None) -> None:
        # What is written stays as it is, where a StringIO of its own would make one kind of line end of all.
        super().__init__(data.decode(encoding, errors), "\n" if newline is None and mode.strip("bt") != "r" else newline)
        self.encoding, self.errors = encoding, errors
        self._begin(files, path, mode)

    def _bytes(self) -> bytes:
        return self.getvalue().encode(self.encoding, self.errors)

    def _forget(self) -> None:
        io.StringIO.seek(self, 0)
        io.StringIO.truncate(self, 0)

    def read(self, size: int | None = -1, /) -> str:
        """Up to so many characters, or all."""
        self._to_read()
        return super().read(size)

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """One line."""
        self._to_read()
        return super().readline(size)

    def write(self, text: str, /) -> int:
        """Take text."""
        self._to_write()
        return self._took(super().write(text))

    def truncate(self, size: int | None = None, /) -> int:
        """Cut it off."""
        self._to_write()
        return super().truncate(size)


class BinaryFile(_Saved, io.BytesIO):
    """An open file of bytes."""

    def __init__(self, files: Files, path: str, mode: str, data: bytes) -> None:
        super().__init__(data)
        self._begin(files, path, mode)

    def _bytes(self) -> bytes:
        return self.getvalue()

    def _forget(self) -> None:
        io.BytesIO.seek(self, 0)
        io.BytesIO.truncate(self, 0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to so many bytes, or all."""
        self._to_read()
        return super().read(size)

    def read1(self, size: int | None = -1, /) -> bytes:
        """As `read`."""
        return self.read(size)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        self._to_read()
        return super().readinto(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        """One line."""
        self._to_read()
        return super().readline(size)

    def readlines(self, size: int | None = None, /) -> list[bytes]:
        """The lines."""
        self._to_read()
        return super().readlines(size)

    def __next__(self) -> bytes:
        self._to_read()
        return super().__next__()

    def write(self, data: Any, /) -> int:
        """Take bytes."""
        self._to_write()
        return self._took(super().write(data))

    def writelines(self, lines: Iterable[Any], /) -> None:
        """Take bytes, piece by piece."""
        for line in lines:
            self.write(line)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut it off."""
        self._to_write()
        return super().truncate(size)
