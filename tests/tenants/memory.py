"""What lies in the memory of a process, and which processes belong to a zygote: as the kernel tells it, to whoever may ask."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

CHUNK = 16 * 2**20
LONGEST = 256
"""Of what is looked for: chunks overlap by so much."""
_REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += family(int(child))
    return found


def regions(pid: int) -> Iterator[tuple[int, int, str, str]]:
    """Where each mapping of a process begins and ends, its rights and its file."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end, rights, name = _REGION.fullmatch(line).groups()  # type: ignore[union-attr]
        yield int(start, 16), int(end, 16), rights, name


def layout(pid: int) -> set[int]:
    """Where the code of its programs and libraries lies."""
    return {start for start, _, rights, name in regions(pid) if "x" in rights and name.startswith("/")}


def found_in(pid: int, mark: bytes, words: Iterable[bytes]) -> set[bytes]:
    """Those of `words` that lie in a process's memory, and `mark` if it does: a beginning that most of them have in common.

    Left out are pages of programs and libraries that nobody can write to.
    """
    found, marked = set[bytes](), {word for word in words if word.startswith(mark)}
    others = {mark, *words} - marked
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, rights, name in regions(pid):
            if rights[0] != "r" or name.startswith("[v") or (name.startswith("/") and rights in ("r--p", "r-xp")):
                continue
            for at in range(start, end, CHUNK):
                data = _read(memory.fileno(), at, min(CHUNK + LONGEST, end - at))
                found |= {one for one in others if one in data}
                if mark in data:
                    found |= {one for one in marked if one in data}
    return found


def _read(memory: int, at: int, size: int) -> bytes:
    try:
        return os.pread(memory, size, at)
    except OSError:  # a page that has gone meanwhile, or that the kernel shows to nobody
        return b""


def opened(pid: int) -> dict[str, tuple[int, int]]:
    """Descriptors of a process that lead somewhere: what each is, and the device and number of what it leads to.

    Left out are the null device and what is nobody's: the kernel gives all pidfds, polls and the like one number.
    """
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        name = os.readlink(entry)
        if name != "/dev/null" and not name.startswith("anon_inode:"):
            about = entry.stat()
            found[f"{entry.name}: {name}"] = (about.st_dev, about.st_ino)
    return found
