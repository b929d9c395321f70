"""What was written gets from the log into the file in a thread of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cellblock.store import log as logs
from cellblock.store.log import LEFT_BYTES, Log
from cellblock.store.sqlite import SQLiteDatabase

INSERT = "INSERT INTO blobs (tenant, blob, kind, size, tag, touched, data) VALUES ('t', ?, 'k', 1, ?, 0.0, ?)"
MUCH = os.urandom(2 * LEFT_BYTES)


@pytest.fixture(autouse=True)
def _moved_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOVED_BYTES", LEFT_BYTES)


@pytest.fixture
def movers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that moved something."""
    found: list[int] = []
    move = Log._move
    monkeypatch.setattr(Log, "_move", lambda log: (found.append(threading.get_ident()), move(log)))
    return found


def test_much_is_moved_while_the_database_is_open_and_not_by_who_writes(tmp_path: Path, movers: list[int]) -> None:
    path = tmp_path / "j.db"
    database = SQLiteDatabase(path)
    database.execute(INSERT, ("one", b"", MUCH))
    assert database._log is not None
    assert database._log._still.wait(20)
    assert path.stat().st_size > len(MUCH) and len(movers) == 1 and movers[0] != threading.get_ident()
    database.execute(INSERT, ("two", b"", b"little"))
    database.close()
    assert os.listdir(tmp_path) == ["j.db"]


def test_a_transaction_is_moved_once_it_has_ended(tmp_path: Path, movers: list[int]) -> None:
    database = SQLiteDatabase(tmp_path / "j.db")
    with database.transaction():
        database.executemany(INSERT, [("one", b"", MUCH), ("two", b"", MUCH)])
        assert not movers
    assert database._log is not None
    assert database._log._still.wait(20)
    assert movers and (tmp_path / "j.db").stat().st_size > 2 * len(MUCH)
    database.close()


def test_who_closes_waits_for_what_is_being_moved_and_may_be_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, moved, move = threading.Event(), threading.Event(), threading.Event(), Log._move

    def slowly(log: Log) -> None:
        begun.set()
        go_on.wait(20)
        moved.set()
        move(log)

    monkeypatch.setattr(Log, "_move", slowly)
    database = SQLiteDatabase(tmp_path / "j.db")
    database.execute(INSERT, ("one", b"", MUCH))
    assert begun.wait(20)
    closer = threading.Thread(target=database.close)
    closer.start()
    assert not moved.is_set()
    go_on.set()
    closer.join(20)
    assert moved.is_set() and os.listdir(tmp_path) == ["j.db"]


def test_who_closes_the_file_leaves_little_to_those_who_have_it_open(
    tmp_path: Path, movers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOVED_BYTES", 10 * len(MUCH))
    path = tmp_path / "j.db"
    other, database = SQLiteDatabase(path), SQLiteDatabase(path)
    database.execute(INSERT, ("one", b"", MUCH))
    assert path.stat().st_size < len(MUCH)
    database.close()
    assert path.stat().st_size > len(MUCH) and movers == [threading.get_ident()]
    other.close()


def test_a_file_that_is_gone_is_not_made_again(tmp_path: Path, movers: list[int]) -> None:
    log = Log(str(tmp_path / "j #1.db"))
    log.wrote(2 * LEFT_BYTES)
    log.settle()
    assert movers and os.listdir(tmp_path) == []


def test_what_is_read_only_or_in_memory_has_no_log(tmp_path: Path, movers: list[int]) -> None:
    database = SQLiteDatabase(":memory:")
    database.execute(INSERT, ("one", b"", MUCH))
    database.close()
    assert not movers
