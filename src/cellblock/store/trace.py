"""The JSONL trace: one event per line, on disk as soon as it happened."""

from __future__ import annotations

import os
from types import TracebackType

from ..errors import StoreError
from ..events import Event, to_jsonl

_TAIL_BYTES = 1 << 16
_FIRST_BYTES = b'{"event":"'


class TraceWriter:
    """Appends events to a file. A line is there whole or not at all, unless the machine lost power.

    Args:
        path: of the file, made if missing. A line that an earlier process left unfinished is cut off.

    Raises:
        StoreError: the file cannot be opened, or holds something else than a trace.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        size = os.fstat(self._fd).st_size
        if os.pread(self._fd, len(_FIRST_BYTES), 0) != _FIRST_BYTES[:size]:
            self.close()
            raise StoreError(f"{self.path}: there is something else in this file than a trace; name another file")
        self._end = _end_of_last_line(self._fd, size)

    def write(self, event: Event) -> None:
        """Append one event.

        Raises:
            StoreError: it could not be written whole; the file ends with the event before. Or the writer is closed.
        """
        if self._fd < 0:
            raise StoreError(f"{self.path}: the trace is closed")
        line = to_jsonl(event)
        try:
            written = os.pwrite(self._fd, line, self._end)
            if written != len(line):
                # The disk ran full within the line.
                os.ftruncate(self._fd, self._end)
                raise StoreError(f"{self.path}: no space left for the trace; free some, or name a file elsewhere")
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        self._end += written

    def close(self) -> None:
        """Close the file. Harmless when called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def _end_of_last_line(fd: int, size: int) -> int:
    """Where the last whole line ends; what follows it is cut off."""
    end = size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return end
