from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cellblock.errors import StoreError
from cellblock.store.journal import SCHEMA_VERSION, Journal
from cellblock.store.opening import open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "journal.db"


def one_line(error: pytest.ExceptionInfo[StoreError], path: object) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text


def test_what_was_written_is_read_back_by_another_connection(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {"question": "q"})
        seq = journal.begin("r", "ask", "1", {"messages": []})
        journal.finish("r", seq, {"text": "é", "value": [2**200, b"\xff", None]})
        journal.end_run("r", "ended", {"success": True})
    with Journal(path) as journal:
        run, (effect,) = journal.run("r"), journal.effects("r")
    assert (run.status, run.task, run.result) == ("ended", {"question": "q"}, {"success": True})
    assert (effect.kind, effect.key, effect.outcome) == ("ask", "1", {"text": "é", "value": [2**200, b"\xff", None]})
    assert effect.ended is not None
    assert run.started <= effect.started <= effect.ended


def test_an_effect_without_outcome_is_seen_as_such(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        journal.begin("r", "ask", "1", {})
        (effect,) = journal.effects("r")
    assert (effect.outcome, effect.ended) == (None, None)


def test_effects_are_numbered_in_order_and_batches_at_once(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        journal.begin("r", "ask", "1", {})
        assert list(journal.begin_many("r", "call", [("a", 1), ("b", 2)])) == [1, 2]
        assert [(effect.seq, effect.key) for effect in journal.effects("r")] == [(0, "1"), (1, "a"), (2, "b")]


def test_runs_know_their_parents_and_effects_their_run(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        journal.start_run("r/1", {}, parent="r")
        journal.begin("r/1", "ask", "1", {})
        assert [(run.run_id, run.parent) for run in journal.runs()] == [("r", None), ("r/1", "r")]
        assert journal.effects("r") == []


def test_an_unknown_run_is_a_lookup_error(path: Path) -> None:
    with Journal(path) as journal, pytest.raises(LookupError, match="no run named 'x'"):
        journal.run("x")


def test_the_file_and_its_folder_are_the_owners_alone(path: Path) -> None:
    Journal(path).close()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_full_disk_is_one_line_and_leaves_earlier_rows_whole(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        journal.begin("r", "ask", "1", {"n": 1})
        journal._db.execute(f"PRAGMA max_page_count = {journal._db.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(StoreError, match="full; free some space") as caught:
            journal.begin_many("r", "call", [(str(n), "x" * 3_000) for n in range(5)])
        one_line(caught, path)
    with Journal(path) as journal:
        assert [effect.payload for effect in journal.effects("r")] == [{"n": 1}]
        assert journal.run("r").status == "running"


def test_a_full_file_system_is_one_line_and_leaves_earlier_rows_whole(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=256k none {small} 2>/dev/null") != 0:
        pytest.skip("a size-limited file system needs root")
    try:
        with Journal(small / "j.db") as journal:
            journal.start_run("r", {})
            journal.begin("r", "ask", "1", {"n": 1})
            with pytest.raises(StoreError) as caught:
                journal.begin("r", "ask", "2", "x" * 400_000)
            one_line(caught, small / "j.db")
            assert [effect.payload for effect in journal.effects("r")] == [{"n": 1}]
            journal.begin("r", "ask", "2", "fits")
    finally:
        os.system(f"umount {small}")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        Journal(tmp_path / "file" / "journal.db")
    one_line(caught, tmp_path / "file" / "journal.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        Journal(tmp_path / "journal.db")


@pytest.mark.parametrize("damage", [b"this is a text file, and a long one at that, " * 100, b"\0" * 4096])
def test_a_file_that_is_no_database_is_one_line_and_stays_as_it_was(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(StoreError) as caught:
        Journal(path)
    assert "not a database" in one_line(caught, path)
    assert path.read_bytes() == damage


def test_a_damaged_journal_is_one_line(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        for number in range(200):
            journal.begin("r", "ask", str(number), "x" * 500)
    data = bytearray(path.read_bytes())
    data[4096 : len(data) // 2] = os.urandom(len(data) // 2 - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught, Journal(path) as journal:
        journal.effects("r")
    assert "damaged" in one_line(caught, path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(StoreError, match="a database, but not a journal"):
        Journal(path)


def test_a_newer_schema_is_refused_by_its_number(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(StoreError, match=f"schema 9, and this version reads {SCHEMA_VERSION}"):
        Journal(path)


def test_a_locked_journal_is_one_line_after_the_wait(path: Path) -> None:
    with Journal(path, busy_seconds=0.05) as journal:
        journal.start_run("r", {})
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process is writing") as caught:
            journal.begin("r", "ask", "1", {})
        other.execute("ROLLBACK")
        other.close()
        one_line(caught, path)
        assert journal.begin("r", "ask", "1", {}) == 0


def test_a_transaction_that_has_only_read_so_far_is_the_only_one_that_writes(path: Path) -> None:
    with open_store(path) as store, Journal(path, busy_seconds=0.05) as other, store.database.transaction():
        assert store.journal.runs() == []
        with pytest.raises(StoreError, match="another process is writing"):
            other.start_run("r", {})
        store.journal.start_run("r", {})


def test_opening_a_journal_again_keeps_the_locks_that_this_process_holds(path: Path) -> None:
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('PRAGMA journal_mode = DELETE')"
    with Journal(path):
        Journal(path).close()
        other = subprocess.run([sys.executable, "-c", script, str(path)], check=False, capture_output=True, text=True)
    assert "database is locked" in other.stderr


def test_a_closed_journal_says_so(path: Path) -> None:
    journal = Journal(path)
    journal.start_run("r", {})
    journal.close()
    journal.close()
    with pytest.raises(StoreError, match="closed"):
        journal.begin("r", "ask", "1", {})


def test_what_is_no_plain_data_is_refused_before_anything_is_written(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        with pytest.raises(StoreError):
            journal.begin("r", "ask", "1", object())
        assert journal.effects("r") == []


def _write_a_run(path: Path, name: str, barrier: Any) -> None:
    barrier.wait()
    with Journal(path) as journal:
        journal.start_run(name, {})
        for number in range(200):
            journal.finish(name, journal.begin(name, "ask", str(number), {"n": number}), {"n": number})
        journal.end_run(name, "ended", {})


def test_two_processes_write_different_runs_into_one_new_file(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    writers = [spawn.Process(target=_write_a_run, args=(path, name, barrier)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with Journal(path) as journal:
        assert [len(journal.effects(name)) for name in ("a", "b")] == [200, 200]
        assert {run.status for run in journal.runs()} == {"ended"}


def test_what_was_written_before_a_kill_is_there_afterwards(path: Path) -> None:
    script = (
        "import os, signal, sys; from cellblock.store.journal import Journal; j = Journal(sys.argv[1]); j.start_run('r', {})\n"
        "j.finish('r', j.begin('r', 'ask', '1', {}), {'text': 'paid'}); j.begin('r', 'exec', '1.0', {})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    with Journal(path) as journal:
        assert [effect.outcome for effect in journal.effects("r")] == [{"text": "paid"}, None]
        assert journal.run("r").status == "running"


def test_a_write_takes_no_more_than_a_tenth_of_a_millisecond(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        times = []
        for number in range(1_000):
            started = time.perf_counter()
            journal.begin("r", "ask", str(number), "x" * 2_000)
            times.append(time.perf_counter() - started)
    assert sorted(times)[500] < 0.0001


def test_an_effect_begun_and_finished_under_a_lease_takes_no_more_than_a_tenth_of_a_millisecond(path: Path) -> None:
    with open_store(path) as store:
        store.journal.hold(store.leases.take("run:r"))
        store.journal.start_run("r", {})
        times = []
        for number in range(1_000):
            started = time.perf_counter()
            store.journal.finish("r", store.journal.begin("r", "ask", str(number), "x" * 500), "y" * 500)
            times.append(time.perf_counter() - started)
        assert sorted(times)[500] < 0.0001
        started = time.perf_counter()
        assert len(store.journal.effects("r")) == 1_000
        assert time.perf_counter() - started < 0.2


def test_an_outcome_does_not_cost_what_its_effect_weighs(path: Path) -> None:
    with Journal(path) as journal:
        journal.start_run("r", {})
        light = journal.begin_many("r", "ask", [("1", "x")] * 9)
        heavy = journal.begin_many("r", "ask", [("1", "x" * 4_000_000)] * 9)
        times = []
        for seq in (*light, *heavy):
            started = time.perf_counter()
            journal.finish("r", seq, "y")
            times.append(time.perf_counter() - started)
    assert sorted(times[9:])[4] < sorted(times[:9])[4] + 0.002
