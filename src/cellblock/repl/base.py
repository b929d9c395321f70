"""Where a session can go back to, such as a saved state. Several sessions may share one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from .wire import memory_file, seal_memory_file

_BLOCK_BYTES = 512
"""Unit of `st_blocks`, whatever the file system."""


@dataclass
class Base:
    """Something that sessions go back to; freed when the last of them lets go."""

    users: int = field(default=1, init=False)

    def share(self) -> Self:
        """This one, for one more session."""
        self.users += 1
        return self

    def release(self) -> None:
        """One session fewer."""
        self.users -= 1
        if self.users == 0:
            self._free()

    def _free(self) -> None:
        raise NotImplementedError


@dataclass
class SavedState(Base):
    """A dump in a memory file, which only workers of this session and its forks read."""

    fd: int
    size: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Variables that are not in it, and why."""

    @classmethod
    def empty(cls, room: int) -> SavedState:
        """A file for a dump of at most `room` bytes; pages cost memory only once written."""
        return cls(memory_file("cellblock-state", room))

    @classmethod
    def holding(cls, data: bytes | memoryview) -> SavedState:
        """A file that holds these bytes."""
        saved = cls(memory_file("cellblock-state", max(1, len(data))), len(data))
        view = memoryview(data)
        while view:
            view = view[os.pwrite(saved.fd, view, len(data) - len(view)) :]
        seal_memory_file(saved.fd)
        return saved

    def finish(self, size: int, left_out: Mapping[str, str]) -> None:
        """The dump is written: it is this long, and nobody changes it any more.

        Raises:
            OSError: its writer still could, or wrote less than it says.
        """
        if os.fstat(self.fd).st_blocks * _BLOCK_BYTES < size:
            raise OSError("less was written")
        self.size, self.left_out = size, left_out
        seal_memory_file(self.fd)

    def read_into(self, place: memoryview) -> None:
        """Copy its bytes, written by a worker and opaque, to `place`, which has their size."""
        done = 0
        while done < self.size:
            done += os.preadv(self.fd, [place[done:]], done)

    def _free(self) -> None:
        os.close(self.fd)
        self.fd = -1

    def __del__(self) -> None:
        # A task that was cancelled while a thread made it never got to see it.
        if self.fd >= 0 and os is not None:
            os.close(self.fd)
