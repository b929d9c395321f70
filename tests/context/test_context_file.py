"""The sealed file: one layout, nobody can write to it, its owner closes it."""

from __future__ import annotations

import fcntl
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import near_text
from cellblock.errors import ConfigError
from cellblock.host import sealed
from cellblock.host.context import Context
from near import NearContext


@pytest.mark.parametrize("name", ["MAGIC", "VERSION", "TEXT_AT", "BLOCK", "RECORD"])
def test_both_sides_agree_on_the_layout(name: str) -> None:
    assert getattr(sealed, name) == getattr(near_text, name)
    assert sealed.HEADER.format == near_text.HEADER.format


WRITES: dict[str, Callable[[int], object]] = {
    "write": lambda fd: os.pwrite(fd, b"x", 5_000),
    "grow": lambda fd: os.ftruncate(fd, 100_000),
    "shrink": lambda fd: os.ftruncate(fd, 0),
    "writable mapping": lambda fd: mmap.mmap(fd, 4096),
    "writable reopening": lambda fd: os.pwrite(os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC), b"x", 0),
    "another seal": lambda fd: fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK),
}


@pytest.mark.parametrize("how", WRITES)
def test_a_sealed_context_cannot_be_changed(how: str) -> None:
    with Context.from_text("text " * 1_000) as context, pytest.raises(OSError):
        WRITES[how](context.fd)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1).filter(any), st.integers(-2, 200))
def test_the_head_is_the_beginning(documents: list[str], n: int) -> None:
    text = sealed.SEPARATOR.join(documents)
    with Context.from_documents(documents) as context:
        assert context.head(n) == text[: max(0, n)]
        assert context.num_chars == len(text)


def test_the_digest_depends_on_text_documents_and_names() -> None:
    sources: list[object] = ["a\n\n---\n\nb", ["a", "b"], {"x": "a", "y": "b"}, {"x": "a", "z": "b"}, "other"]
    digests = []
    for source in sources:
        with Context.coerce(source) as context, Context.coerce(source) as again:
            assert context.sha256 == again.sha256
            digests.append(context.sha256)
    assert len(set(digests)) == len(sources)


def test_a_closed_context_says_so_and_closes_twice() -> None:
    context = Context.from_text("text")
    context.close()
    context.close()
    for use in (lambda: context.fd, lambda: context.sha256, lambda: context.head(1)):
        with pytest.raises(ConfigError, match="the context is closed"):
            use()


FORGOTTEN = """
import gc, os
from cellblock.errors import ConfigError
from cellblock.host.context import Context
before = os.listdir("/proc/self/fd")
kept = Context.from_text("text")
print(len(os.listdir("/proc/self/fd")) - len(before))
del kept
refused = 0
for source in ("", ["a", "\\udfff"]):
    try:
        Context.coerce(source)
    except ConfigError:
        refused += 1
gc.collect()
print(refused, os.listdir("/proc/self/fd") == before)
"""


def test_a_forgotten_or_refused_context_leaves_no_descriptor() -> None:
    """In a process of its own: other tests' threads open and close theirs meanwhile."""
    said = subprocess.run([sys.executable, "-c", FORGOTTEN], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("1\n2 True\n", "")


def test_sessions_outlive_the_context() -> None:
    context = Context.from_text("text")
    near = NearContext(context.fd)
    context.close()
    assert near.peek() == "text"
    near.close()
    with pytest.raises(ValueError):
        near.peek()


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 5_000, sealed.HEADER.pack(sealed.MAGIC, 99, 4096, 0, 0, 0, 4096, 4096, 0)])
def test_a_file_that_holds_no_context_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    with (tmp_path / "f").open("rb") as file, pytest.raises(ValueError, match="context"):
        NearContext(file.fileno())


def test_a_locked_down_worker_can_map_and_search() -> None:
    script = Path(__file__).with_name("locked_down.py")
    with Context.from_text("é" * 10_000 + "needle") as context:
        command = [sys.executable, script, str(context.fd)]
        done = subprocess.run(command, pass_fds=[context.fd], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("[(10000, 10006, 'needle')] needle 10006\n", 0), done.stderr


def test_attaching_and_searching_copy_nothing() -> None:
    with Context.from_text("é" + "The quick brown fox, once more.\n" * 2**21) as context:
        before = _anonymous_bytes()
        near = NearContext(context.fd)
        assert near.ctx.find("no such words") == []
        assert near.whole.count("fox") == 2**21
        assert near.whole.rfind("quick") > 0
        assert near.ctx.find("NO SUCH WORDS", case_sensitive=False) == []
        grown = _anonymous_bytes() - before
        near.close()
    assert grown < 8 * 2**20, f"{grown:,} bytes for a context of 64 MiB"


def test_loading_a_large_file_takes_little_memory_beside_it(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes("Füchse und Hunde.\n".encode() * 3_000_000)
    before = _anonymous_bytes()
    with Context.from_paths([tmp_path / "large.txt"]) as context:
        grown = _anonymous_bytes() - before
        assert context.num_chars == 18 * 3_000_000
    assert grown < 8 * 2**20


def _anonymous_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
