"""The input of a run: any amount of text, held once, in a sealed memory file that every session maps."""

from __future__ import annotations

import hashlib
import mmap
import os
from codecs import utf_8_decode
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ConfigError
from .loading import Skipped, load_paths, shown
from .sealed import MAX_CONTEXT_BYTES, SEPARATOR, TEXT_AT, FileEntry, SealedWriter

__all__ = ["SEPARATOR", "Context", "FileEntry", "Skipped"]


class Context:
    """The input of a run, immutable: text and where its documents begin.

    Several documents stand in the text one after the other with `SEPARATOR` between them. Runs and child runs share one
    `Context`; whoever made it closes it, or lets it go. Also a context manager.

    Attributes:
        num_chars: characters of the whole text, separators included.
        num_documents: at least 1.
        files: the named documents, in order.
        skipped: files that were found, but are not part of it.
        size: bytes of the memory file.
    """

    __slots__ = ("_fd", "_num_bytes", "_sha256", "files", "num_chars", "num_documents", "size", "skipped")

    def __init__(self, writer: SealedWriter, *, files: Sequence[FileEntry] = (), skipped: Sequence[Skipped] = ()) -> None:
        """Seal what `writer` holds; the factories below are the usual way.

        Raises:
            ConfigError: there is no text in it.
        """
        self._fd = -1
        self._sha256: str | None = None
        if writer.empty:
            left_out = f"; {_files(len(skipped))} skipped, such as {skipped[0].name}: {skipped[0].why}" if skipped else ""
            raise ConfigError(f"the context is empty{left_out}")
        self.num_chars, self.num_documents, self._num_bytes = writer.chars, writer.num_documents, writer.bytes
        self.files, self.skipped = tuple(files), tuple(skipped)
        self._fd, self.size = writer.seal()

    @classmethod
    def from_text(cls, text: str) -> Context:
        """A single document.

        Raises:
            ConfigError: `text` is empty, not a str, or holds a lone surrogate; the message says where.
        """
        return cls.from_documents([text])

    @classmethod
    def from_documents(cls, documents: Sequence[str], *, names: Sequence[str] | None = None) -> Context:
        """Several documents in order, with names or without.

        Raises:
            ConfigError: all are empty, one is no str or holds a lone surrogate, or there is not one name for each.
        """
        if isinstance(documents, (str, bytes)) or not isinstance(documents, Sequence):
            raise ConfigError(f"documents are a list of str, not {type(documents).__name__}")
        if names is not None and len(names) != len(documents):
            raise ConfigError(f"{len(names)} names for {len(documents)} documents; one each is needed")
        with SealedWriter() as writer:
            files = [_add(writer, number, document, names) for number, document in enumerate(documents)]
            return cls(writer, files=[] if names is None else files)

    @classmethod
    def from_paths(cls, paths: Sequence[str | os.PathLike[str]], *, stdin: int = 0, max_bytes: int = MAX_CONTEXT_BYTES) -> Context:
        """Files, folders with all that is in them, globs, and `-` for standard input (at most 1 GiB of it).

        Files are UTF-8, or UTF-16 and UTF-32 with a BOM, and keep their line ends. Folders are read in order of names,
        symbolic links in them are left out. What is no text is an error where it was named and skipped where it was found.

        Args:
            paths: in the order in which they are to stand in the text.
            stdin: the descriptor that `-` reads.
            max_bytes: of the whole text, as UTF-8.

        Raises:
            ConfigError: something is missing, unreadable, not text or too much, or there is no text at all. One line.
        """
        if isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Sequence):
            raise ConfigError(f"paths are a list of str or Path, not {type(paths).__name__}")
        with SealedWriter(max_bytes) as writer:
            loaded = load_paths(writer, paths, stdin=stdin)
            return cls(writer, files=loaded.files, skipped=loaded.skipped)

    @classmethod
    def coerce(cls, source: object) -> Context:
        """A `Context` as it is, a str as text, a list of str as documents, a dict as name to text, a Path or a list of them as files.

        Raises:
            ConfigError: `source` is none of these, or cannot be loaded.
        """
        if isinstance(source, Context):
            return source
        if isinstance(source, str):
            return cls.from_text(source)
        if isinstance(source, Path):
            return cls.from_paths([source])
        if isinstance(source, Mapping):
            return cls.from_documents(list(source.values()), names=list(source))
        if isinstance(source, (list, tuple)):
            are_paths = bool(source) and all(isinstance(item, Path) for item in source)
            return cls.from_paths(source) if are_paths else cls.from_documents(source)
        raise ConfigError(f"a context is a str, a list of str, a dict of name to str, a Path or a Context, not {type(source).__name__}")

    @property
    def fd(self) -> int:
        """The memory file: sealed, so that whoever gets it can only read.

        Raises:
            ConfigError: the context is closed.
        """
        if self._fd < 0:
            raise ConfigError("the context is closed")
        return self._fd

    @property
    def sha256(self) -> str:
        """Hex digest of the text, its documents' places and their names. Computed when first asked for (0.5 s for 1 GB), then kept.

        Raises:
            ConfigError: the context is closed.
        """
        if self._sha256 is None:
            with mmap.mmap(self.fd, self.size, prot=mmap.PROT_READ) as whole, memoryview(whole) as view, view[TEXT_AT:] as content:
                self._sha256 = hashlib.sha256(content).hexdigest()
        return self._sha256

    def head(self, n: int) -> str:
        """The first `n` characters, or all there are.

        Raises:
            ConfigError: the context is closed.
        """
        wanted = max(0, min(n, self.num_chars))
        data = os.pread(self.fd, min(4 * wanted, self._num_bytes), TEXT_AT)
        return utf_8_decode(data, "strict", False)[0][:wanted]

    def close(self) -> None:
        """Give up the memory file; sessions that mapped it keep it until they end. Harmless when called twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A context whose sealing failed has no descriptor to close; at interpreter exit `os` may be gone.
        if getattr(self, "_fd", -1) >= 0 and os is not None:
            self.close()

    def __repr__(self) -> str:
        return f"<Context: {self.num_chars:,} characters, {self.num_documents:,} documents>"


def _add(writer: SealedWriter, number: int, document: object, names: Sequence[str] | None) -> FileEntry:
    name = "" if names is None else names[number]
    label = f"document {number}" + (f" ({shown(name)})" if isinstance(name, str) and name else "")
    if not isinstance(name, str) or not isinstance(document, str):
        raise ConfigError(f"{label}: a document and its name are str, not {type(document).__name__} and {type(name).__name__}")
    writer.begin()
    try:
        writer.add_text(document)
    except UnicodeEncodeError as error:
        raise ConfigError(f"{label}: a lone surrogate at character {error.start:,} is not text") from None
    return writer.end(name)


def _files(count: int) -> str:
    return "1 file was" if count == 1 else f"{count:,} files were"
