"""A journal of version 1, `data/journal-v1.db`, written by the code that had that version."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.errors import StoreError
from cellblock.store.journal import SCHEMA_VERSION, Journal
from cellblock.store.opening import open_store

from .conftest import by_hand

OLD = Path(__file__).parent / "data" / "journal-v1.db"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    shutil.copy(OLD, tmp_path / "j.db")
    return tmp_path / "j.db"


def test_the_old_runs_are_all_there_and_can_go_on(path: Path) -> None:
    assert by_hand(path, "PRAGMA user_version") == [(1,)]
    with Journal(path) as journal:
        assert [(run.run_id, run.parent, run.status) for run in journal.runs()] == [
            ("r", None, "ended"),
            ("r/1", "r", "failed"),
            ("k", None, "running"),
        ]
        assert journal.run("r").task == {"question": "q", "limits": {"steps": 3}}
        assert journal.run("r").result == {"success": True, "value": [1, b"\xff"]}
        rows = [(row.seq, row.kind, row.key, row.outcome, row.ended is None) for row in journal.effects("r")]
        assert rows == [
            (0, "ask", "1", {"text": "t", "usage": {"calls": 1}}, False),
            (1, "exec", "1.0", {"stdout": "", "value": 2**200}, False),
            (2, "refuse", "2", None, False),
        ]
        assert journal.effects("r")[0].payload == {"messages": [{"role": "user", "content": "é" * 50}]}
        assert [(row.key, row.outcome) for row in journal.effects("r/1")] == [("a", None), ("b", {"text": "two"})]
        journal.reopen_run("k")
        assert journal.begin("k", "ask", "2", {}) == 1
    assert by_hand(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    with open_store(path) as store:
        assert store.check() == []


def test_it_is_brought_up_to_date_once(path: Path) -> None:
    for _ in range(2):
        with Journal(path) as journal:
            assert len(journal.runs()) == 3
    tables = {row[0] for row in by_hand(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not [table for table in tables if table.endswith("_1")]


def test_a_failure_on_the_way_leaves_it_as_it_was(path: Path) -> None:
    by_hand(path, "CREATE TABLE blobs (mine)")
    before = by_hand(path, "SELECT * FROM effects")
    with pytest.raises(StoreError, match="blobs already exists"):
        Journal(path)
    assert by_hand(path, "PRAGMA user_version") == [(1,)]
    assert by_hand(path, "SELECT * FROM effects") == before


def test_a_disk_that_is_full_on_the_way_leaves_it_as_it_was(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as old:
        old.executemany("INSERT INTO effects VALUES ('k', ?, 'ask', 'x', ?, NULL, 0, NULL)", [(n, os.urandom(4_000)) for n in range(1, 60)])
    old.close()
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=400k none {small} 2>/dev/null") != 0:
        pytest.skip("a size-limited file system needs root")
    try:
        shutil.copy(path, small / "j.db")
        with pytest.raises(StoreError, match="full; free some space|disk I/O") as caught:
            Journal(small / "j.db")
        assert "\n" not in str(caught.value)
        assert by_hand(small / "j.db", "SELECT count(*) FROM effects")[0][0] == 65
    finally:
        os.system(f"umount {small}")


def test_a_newer_version_is_refused_and_nothing_is_touched(path: Path) -> None:
    by_hand(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}, and this version reads {SCHEMA_VERSION}; use a newer"):
        open_store(path)
    assert path.read_bytes() == before


def test_processes_that_bring_it_up_to_date_at_once_do_it_once(path: Path) -> None:
    script = """
import sys
from cellblock.store.opening import open_store
sys.stdin.readline()
with open_store(sys.argv[1]) as store:
    print(len(store.journal.runs()), store.check())
"""
    command = [sys.executable, "-c", script, str(path)]
    openers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [opener.communicate(timeout=60)[0] for opener in openers] == ["3 []\n"] * 3
