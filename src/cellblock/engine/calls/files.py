"""The virtual files as cells use them: `vfs.read`, `vfs.write` and the like. What changes a file is on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...events import FileChanged
from ...repl.protocol import CellError, External
from ...values import Value
from ..branches import Branches
from ..cells import FILES, change
from ..tree import Run
from . import arguments
from .subcalls import for_the_cell

SHOWN_CHARS = 500
_ERRORS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class Files:
    """The files of one branch of a run."""

    def __init__(self, run: Run, branches: Branches) -> None:
        self._run, self._branches = run, branches

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {
            "vfs__read": self.read,
            "vfs__write": self.write,
            "vfs__append": self.append,
            "vfs__list": self.list,
            "vfs__exists": self.exists,
            "vfs__delete": self.delete,
        }

    def of_forks(self) -> dict[str, External]:
        """What compares branches."""
        return {"vfs__diff": self.diff, "vfs__promote": self.promote}

    async def read(self, *args: Value, **kwargs: Value) -> Value:
        """A file's text: `vfs.read(path, binary=False)`; its bytes where `binary` is true.

        Raises:
            CellError: there is no such file, or it is no text.
        """
        bound = arguments.bind("vfs.read", ("path", "binary"), args, kwargs)
        with _for_the_cell("vfs.read"):
            data = self._run.files.read(_path("vfs.read", bound))
        if bound.get("binary"):
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise CellError("ValueError", "vfs.read(): this file is not text; read(path, binary=True) gives its bytes") from None

    async def write(self, *args: Value, **kwargs: Value) -> Value:
        """Make a file hold a text, or bytes: `vfs.write(path, data)`.

        Raises:
            CellError: it cannot be written, or a quota is used up.
        """
        self._change("write", args, kwargs)
        return None

    async def append(self, *args: Value, **kwargs: Value) -> Value:
        """Add to a file's end, and make it if it is not there: `vfs.append(path, data)`.

        Raises:
            CellError: as `write`.
        """
        self._change("append", args, kwargs)
        return None

    async def list(self, *args: Value, **kwargs: Value) -> Value:
        """Paths of the files in a folder and below it, sorted: `vfs.list(path="/")`.

        Raises:
            CellError: there is no such folder.
        """
        bound = arguments.bind("vfs.list", ("path",), args, kwargs)
        with _for_the_cell("vfs.list"):
            return [*self._run.files.list(_path("vfs.list", bound, "/"))]

    async def exists(self, *args: Value, **kwargs: Value) -> Value:
        """Whether a file or a folder is there: `vfs.exists(path)`.

        Raises:
            CellError: that is no path.
        """
        bound = arguments.bind("vfs.exists", ("path",), args, kwargs)
        with _for_the_cell("vfs.exists"):
            return self._run.files.exists(_path("vfs.exists", bound))

    async def delete(self, *args: Value, **kwargs: Value) -> Value:
        """Remove a file: `vfs.delete(path)`.

        Raises:
            CellError: there is no such file, or it is the parent run's.
        """
        bound = arguments.bind("vfs.delete", ("path",), args, kwargs)
        self._act("delete", _path("vfs.delete", bound), b"")
        return None

    async def diff(self, *args: Value, **kwargs: Value) -> Value:
        """What a fork has `added`, `changed` and `removed`, by path: `vfs.diff(fork)`.

        Raises:
            CellError: there is no such fork.
        """
        bound = arguments.bind("vfs.diff", ("fork",), args, kwargs)
        other = self._branches.fork(arguments.text("vfs.diff", "fork", bound.get("fork"))).branch.run.files
        return dict(self._run.files.diff(other))

    async def promote(self, *args: Value, **kwargs: Value) -> Value:
        """Take one file of a fork over: `vfs.promote(fork, path)`.

        Raises:
            CellError: there is no such fork or file, or it does not fit.
        """
        bound = arguments.bind("vfs.promote", ("fork", "path"), args, kwargs)
        fork, path = self._branches.fork(arguments.text("vfs.promote", "fork", bound.get("fork"))), _path("vfs.promote", bound)
        with _for_the_cell("vfs.promote"):
            data = fork.branch.run.files.read(path)
        self._act("write", path, data)
        return None

    def _change(self, how: str, args: tuple[Value, ...], kwargs: Mapping[str, Value]) -> None:
        bound = arguments.bind(f"vfs.{how}", ("path", "data"), args, kwargs)
        self._act(how, _path(f"vfs.{how}", bound), _data(f"vfs.{how}", bound.get("data")))

    def _act(self, how: str, path: str, data: bytes) -> None:
        run = self._run
        with _for_the_cell(f"vfs.{how}"):
            path = run.files.normal(path)
            change(run.files, how, path, data)
        with for_the_cell(run):
            run.record.note(FILES, next_act(run), {"how": how, "path": path, "data": data})
        run.event(FileChanged, step=run.step, how=how, path=path[:SHOWN_CHARS], size=len(data))


def next_act(run: Run) -> str:
    """The key of the next thing that the running cell does to files or branches, by the order in which they happen."""
    run.acts += 1
    return f"{run.cell}.a{run.acts}"


@contextmanager
def _for_the_cell(function: str) -> Iterator[None]:
    """What went wrong with a file as the exception that Python has for it. The texts are of `host.vfs`, and made for the cell."""
    try:
        yield
    except _ERRORS as error:
        raise CellError(type(error).__name__, f"{function}(): {error}") from None
    except OSError as error:
        raise CellError("OSError", f"{function}(): {error}") from None
    except (ValueError, TypeError) as error:
        raise CellError(type(error).__name__, f"{function}(): {error}") from None


def _path(function: str, bound: Mapping[str, Any], default: str | None = None) -> str:
    return arguments.text(function, "path", bound.get("path", default))


def _data(function: str, value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise CellError("TypeError", f"{function}(): data must be a str or bytes, not {type(value).__name__}; use str(...) or json.dumps(...)")
