from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellblock.errors import StoreError
from cellblock.events import Refused, Trace
from cellblock.store.trace import TraceWriter

EVENT = Refused(run_id="r", step=1, reason="no\nline é")


def test_each_event_is_in_the_file_as_soon_as_it_was_written(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "t.jsonl") as writer:
        for count in (1, 2):
            writer.write(EVENT)
            assert list(Trace.from_jsonl((tmp_path / "t.jsonl").read_bytes())) == [EVENT] * count


def test_a_second_writer_appends(tmp_path: Path) -> None:
    for _ in range(2):
        with TraceWriter(tmp_path / "t.jsonl") as writer:
            writer.write(EVENT)
    assert len(Trace.from_jsonl((tmp_path / "t.jsonl").read_bytes())) == 2


@pytest.mark.parametrize("torn", [b'{"event":"refused","run', b'{"ev', b'{"event":"refused","reason":"' + b"x" * 200_000])
def test_a_line_that_was_never_finished_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "t.jsonl"
    for start in (b"", b'{"event":"refused","run_id":"r","step":1,"reason":""}\n'):
        path.write_bytes(start + torn)
        with TraceWriter(path) as writer:
            writer.write(EVENT)
        assert Trace.from_jsonl(path.read_bytes()).events[-1] == EVENT


@pytest.mark.parametrize("content", [b"my thesis", b"{}\n", b"\n"])
def test_a_file_that_is_no_trace_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="something else in this file than a trace"):
        TraceWriter(path)
    assert path.read_bytes() == content


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=8k none {small} 2>/dev/null") != 0:
        pytest.skip("a size-limited file system needs root")
    try:
        with TraceWriter(small / "t.jsonl") as writer:
            writer.write(EVENT)
            with pytest.raises(StoreError):
                writer.write(Refused(run_id="r", step=2, reason="x" * 20_000))
            writer.write(EVENT)
        assert list(Trace.from_jsonl((small / "t.jsonl").read_bytes())) == [EVENT, EVENT]
    finally:
        os.system(f"umount {small}")


def test_a_path_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is a directory"):
        TraceWriter(tmp_path)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "t.jsonl")
    writer.close()
    writer.close()
    with pytest.raises(StoreError, match="closed"):
        writer.write(EVENT)
