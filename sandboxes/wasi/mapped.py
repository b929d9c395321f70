"""Which pages of a memory are a file's: as long as one of them is, all of the file is kept."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator


class Mapped:
    """Runs of pages, each by its address and size."""

    def __init__(self) -> None:
        self._pages = bytearray()

    def add(self, first: int, size: int) -> None:
        """That run is a file's now."""
        self._pages.extend(bytes(max(0, (first + size) // mmap.PAGESIZE - len(self._pages))))
        self._mark(self._pages, first, size, 1)

    def remove(self, first: int, size: int) -> None:
        """That run is nobody's file any more."""
        self._mark(self._pages, first, size, 0)

    def without(self, runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """What is a file's, but for these runs."""
        pages = self._pages[:]
        for first, size in runs:
            self._mark(pages, first, size, 0)
        start = pages.find(1)
        while start >= 0:
            end = pages.find(0, start)
            end = len(pages) if end < 0 else end
            yield start * mmap.PAGESIZE, (end - start) * mmap.PAGESIZE
            start = pages.find(1, end)

    @staticmethod
    def _mark(pages: bytearray, first: int, size: int, mark: int) -> None:
        start, end = first // mmap.PAGESIZE, min(len(pages), (first + size) // mmap.PAGESIZE)
        pages[start:end] = bytes([mark]) * max(0, end - start)
