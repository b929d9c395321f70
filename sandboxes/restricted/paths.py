"""`open` and `pathlib` over a session's virtual files: a class of our own, since the real one holds a module.

What it shows is text, numbers, bytes, open files and more of itself.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, TypeGuard

from virtual_files import BinaryFile, Files, TextFile, absolute


class VirtualPath:
    """`pathlib.Path` as cells have it. Each session has a subclass that knows its files."""

    __slots__ = ("_pure",)
    _files: Files

    def __init__(self, *parts: Any) -> None:
        self._pure = PurePosixPath(*map(text_of_path, parts))

    def _made(self, pure: PurePosixPath) -> VirtualPath:
        made = type(self)()
        made._pure = pure
        return made

    # -- as text

    def __str__(self) -> str:
        return str(self._pure)

    def __repr__(self) -> str:
        return f"PosixPath({str(self._pure)!r})"

    def __eq__(self, other: object) -> bool:
        return self._pure == other._pure if _is_path(other) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._pure < other._pure if _is_path(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._pure)

    def __truediv__(self, other: Any) -> VirtualPath:
        return self._made(self._pure / text_of_path(other))

    def __rtruediv__(self, other: Any) -> VirtualPath:
        return self._made(text_of_path(other) / self._pure)

    @property
    def name(self) -> str:
        """The last name."""
        return self._pure.name

    @property
    def stem(self) -> str:
        """The last name without its suffix."""
        return self._pure.stem

    @property
    def suffix(self) -> str:
        """Of the last name, such as `.txt`."""
        return self._pure.suffix

    @property
    def suffixes(self) -> list[str]:
        """All of them, as of `a.tar.gz`."""
        return self._pure.suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        """The names, `/` first where it begins there."""
        return self._pure.parts

    @property
    def parent(self) -> VirtualPath:
        """The folder."""
        return self._made(self._pure.parent)

    @property
    def parents(self) -> tuple[VirtualPath, ...]:
        """The folders, the innermost first."""
        return tuple(map(self._made, self._pure.parents))

    def as_posix(self) -> str:
        """The text."""
        return str(self)

    def is_absolute(self) -> bool:
        """Whether it begins at `/`."""
        return self._pure.is_absolute()

    def absolute(self) -> VirtualPath:
        """From `/`, where relative ones count from."""
        return self._made("/" / self._pure)

    resolve = absolute

    def joinpath(self, *others: Any) -> VirtualPath:
        """As with `/`."""
        return self._made(self._pure.joinpath(*map(text_of_path, others)))

    def with_name(self, name: str) -> VirtualPath:
        """With another last name."""
        return self._made(self._pure.with_name(text_of_path(name)))

    def with_stem(self, stem: str) -> VirtualPath:
        """With another last name, the suffix kept."""
        return self._made(self._pure.with_stem(text_of_path(stem)))

    def with_suffix(self, suffix: str) -> VirtualPath:
        """With another suffix."""
        return self._made(self._pure.with_suffix(text_of_path(suffix)))

    def relative_to(self, other: Any) -> VirtualPath:
        """The rest, below a folder."""
        return self._made(self._pure.relative_to(text_of_path(other)))

    def is_relative_to(self, other: Any) -> bool:
        """Whether it is below a folder."""
        return self._pure.is_relative_to(text_of_path(other))

    # -- what is there

    def exists(self) -> bool:
        """Whether anything is there."""
        return self._files.kind(str(self)) is not None

    def is_file(self) -> bool:
        """Whether a file is there."""
        return self._files.kind(str(self)) == "file"

    def is_dir(self) -> bool:
        """Whether a folder is there."""
        return self._files.kind(str(self)) == "folder"

    def iterdir(self) -> Iterator[VirtualPath]:
        """What is directly in the folder."""
        return iter([self / name for name in self._files.names_in(str(self))])

    def glob(self, pattern: str) -> Iterator[VirtualPath]:
        """Files and folders below that a pattern such as `*.txt` or `**/*.txt` fits, sorted."""
        wanted = PurePosixPath(text_of_path(pattern)).parts
        if not wanted or wanted[0] == "/":
            raise ValueError("a pattern is relative, and not empty")
        inside = absolute(str(self)).rstrip("/") + "/"
        try:
            found = [path[len(inside) :].split("/") for path in self._files.files_below(str(self)) if path.startswith(inside)]
        except (FileNotFoundError, NotADirectoryError):
            found = []
        below = {tuple(path[:end]) for path in found for end in range(len(path) + 1)}
        return iter([self.joinpath(*names) for names in sorted(below) if _fits(names, wanted)])

    def rglob(self, pattern: str) -> Iterator[VirtualPath]:
        """As `glob`, at any depth."""
        return self.glob(f"**/{text_of_path(pattern)}")

    # -- files

    def open(
        self, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None, newline: str | None = None
    ) -> TextFile | BinaryFile:
        """As the built-in `open`."""
        return self._files.open(str(self), mode, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        """What is in the file."""
        return self._files.read(str(self))

    def read_text(self, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> str:
        """What is in the file."""
        file: Any = self._files.open(str(self), "r", encoding, errors, newline)
        text: str = file.read()
        return text

    def write_bytes(self, data: bytes) -> int:
        """Make it hold `data` alone."""
        file: Any = self._files.open(str(self), "wb")
        return _written(file, data)

    def write_text(self, data: str, encoding: str | None = None, errors: str | None = None, newline: str | None = None) -> int:
        """Make it hold `data` alone."""
        if not isinstance(data, str):
            raise TypeError(f"data must be str, not {type(data).__name__}")
        return _written(self._files.open(str(self), "w", encoding, errors, newline), data)

    def touch(self, exist_ok: bool = True) -> None:
        """Make an empty file where there is none."""
        self._files.open(str(self), "a" if exist_ok else "x").close()

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        try:
            self._files.ask("delete", str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rename(self, target: Any) -> VirtualPath:
        """Move the file."""
        self._files.move(str(self), text_of_path(target))
        return type(self)(target)

    replace = rename

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a folder comes with its first file."""
        try:
            self._files.make_folder(str(self))
        except FileExistsError:
            if not exist_ok or self.is_file():
                raise


def _written(file: Any, data: Any) -> int:
    with file:
        count: int = file.write(data)
    return count


def text_of_path(path: Any) -> str:
    """A path given as text or as a `Path`; nothing of a cell's is asked."""
    if _is_path(path):
        return str(path._pure)
    if isinstance(path, str):
        return str.__str__(path)
    raise TypeError(f"a path is a str or a pathlib.Path here, not {type(path).__name__}")


def _is_path(value: Any) -> TypeGuard[VirtualPath]:
    # By its type alone: what an object says of its own class may be a lie.
    return issubclass(type(value), VirtualPath)


def _fits(names: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether a pattern fits; `**` stands for any number of names."""
    # The lengths of beginnings of `names` that the pattern so far fits: no pattern takes longer than all pairs.
    ends = {0}
    for part in wanted:
        if part == "**":
            ends = set(range(min(ends), len(names) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(names) and fnmatch.fnmatchcase(names[end], part)}
    return len(names) in ends


def path_class(files: Files) -> type[VirtualPath]:
    """The class of one session."""
    made: type[VirtualPath] = type("Path", (VirtualPath,), {"__slots__": (), "_files": files})
    return made


def opener(files: Files) -> Callable[..., Any]:
    """The built-in `open` of one session."""

    def opened(
        file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None, newline: str | None = None
    ) -> Any:
        return files.open(text_of_path(file), mode, encoding, errors, newline)

    opened.__name__ = opened.__qualname__ = "open"
    return opened
