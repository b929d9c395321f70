"""Files that are torn, changed, full or closed: one clear line, and what can be read is read."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.store.journal import Journal
from cellblock.store.opening import Store, open_store
from cellblock.store.threads import Threads, TurnRow

from .conftest import by_hand

RUNS, EFFECTS = 6, 40


def one_line(error: StoreError, path: Path) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 400
    assert str(path) in text
    return text


def fill(path: Path) -> None:
    with open_store(path, tenant="t") as store:
        for run in range(RUNS):
            store.journal.start_run(f"r{run}", {"n": run})
            for number in range(EFFECTS):
                store.journal.record(f"r{run}", "ask", str(number), {"n": number, "text": "x" * 700}, {"text": "y" * 700})
            store.blobs.put(os.urandom(20_000), kind="snapshot", owner=f"run:r{run}", name="last")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "store.db"
    fill(path)
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    shutil.copy(filled, tmp_path / "store.db")
    return tmp_path / "store.db"


def readable(store: Store) -> int:
    """How many runs can be read whole."""
    found = 0
    for run in range(RUNS):
        try:
            rows = store.journal.effects(f"r{run}")
        except StoreError as error:
            one_line(error, Path(store.database.place))
            continue
        found += [row.seq for row in rows] == list(range(EFFECTS))
    return found


@pytest.mark.parametrize("kept", [0.99, 0.7, 0.3, 0.01])
def test_a_file_that_lost_its_end_is_one_line(path: Path, kept: float) -> None:
    os.truncate(path, int(path.stat().st_size * kept))
    with pytest.raises(StoreError, match="damaged|not a database") as caught, open_store(path, tenant="t") as store:
        store.journal.runs()
    one_line(caught.value, path)


def test_a_file_that_lost_everything_is_a_new_one(path: Path) -> None:
    os.truncate(path, 0)
    with open_store(path, tenant="t") as store:
        assert store.journal.runs() == []


@pytest.mark.parametrize("seed", range(25))
def test_random_bytes_in_a_page_are_named_and_the_other_runs_stay_readable(path: Path, seed: int) -> None:
    chance, size = random.Random(seed), path.stat().st_size
    page = chance.randrange(1, size // 4096)
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(chance.randbytes(4096))
    try:
        store = open_store(path, tenant="t")
    except StoreError as error:
        one_line(error, path)
        return
    with store:
        found = store.check()
        assert found
        assert all("\n" not in line for line in found)
        # The first pages are the tables' roots: below one of them is everything.
        whole = readable(store)
        assert whole >= RUNS - 2 or page < 30
        assert whole == RUNS or any(line.startswith("run r") for line in found) or page < 30


def test_a_damaged_leaf_costs_its_own_run_alone(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # A page that holds many of one run's outcomes.
    page = next(at for at in range(4096, len(data), 4096) if data[at : at + 4096].count(b"y" * 700) >= 4)
    data[page : page + 4096] = os.urandom(4096)
    path.write_bytes(data)
    with open_store(path, tenant="t") as store:
        assert readable(store) >= RUNS - 2
        assert store.check()


def test_a_payload_that_is_no_payload_is_named_with_its_run(path: Path) -> None:
    by_hand(path, "UPDATE effects SET payload = x'c1' WHERE run = 2 AND seq = 5")
    with open_store(path, tenant="t") as store:
        with pytest.raises(StoreError, match="the journal is damaged: not msgpack") as caught:
            store.journal.effects("r1")
        one_line(caught.value, path)
        assert [line.startswith("run r1: ") for line in store.check()] == [True]
        assert readable(store) == RUNS - 1


def test_rows_that_belong_to_none_are_named(path: Path) -> None:
    by_hand(path, "DELETE FROM runs WHERE run_id = 'r1'")
    with open_store(path, tenant="t") as store:
        assert any("effects" in line and "belongs to no row of runs" in line for line in store.check())


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The file of a process that was killed, with its log beside it."""
    path = tmp_path / "store.db"
    script = """
import os, signal, sys
from cellblock.store.opening import open_store
journal = open_store(sys.argv[1], tenant="t").journal
journal.start_run("r", {})
for number in range(100):
    journal.record("r", "ask", str(number), {"n": number}, "x" * 300)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert Path(f"{path}-wal").stat().st_size > 100_000
    return path


@pytest.mark.parametrize("cut", [0.999, 0.9, 0.5, 0.23])
def test_a_log_that_lost_its_end_gives_what_came_before(killed: Path, cut: float) -> None:
    log = Path(f"{killed}-wal")
    os.truncate(log, int(log.stat().st_size * cut))
    with open_store(killed, tenant="t") as store:
        rows = store.journal.effects("r")
        assert [row.seq for row in rows] == list(range(len(rows)))
        # Both or neither of what was recorded at once.
        assert all(row.outcome == "x" * 300 for row in rows)
        assert cut * 70 < len(rows) < 100
        assert store.check() == []
        store.journal.reopen_run("r")
        assert store.journal.begin("r", "ask", "next", {}) == len(rows)


def test_a_log_with_changed_bytes_gives_what_came_before(killed: Path) -> None:
    log = Path(f"{killed}-wal")
    with log.open("r+b") as file:
        file.seek(log.stat().st_size // 2)
        file.write(os.urandom(64))
    with open_store(killed, tenant="t") as store:
        rows = store.journal.effects("r")
        assert [row.seq for row in rows] == list(range(len(rows)))
        assert 20 < len(rows) < 80


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o700)


def as_nobody(path: Path) -> list[str]:
    script = Path(__file__).with_name("write_as_nobody.py")
    told = subprocess.run([sys.executable, script, str(path)], check=False, capture_output=True, text=True)
    assert told.stderr == ""
    return told.stdout.splitlines()


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_file_that_may_not_be_written_is_read(open_folder: Path, folder_mode: int) -> None:
    path = open_folder / "store.db"
    with open_store(path, tenant="t") as store:
        store.journal.start_run("r", {})
        store.journal.begin("r", "ask", "1", {"n": 1})
    path.chmod(0o444)
    open_folder.chmod(folder_mode)
    read, refused = as_nobody(path)
    assert read == "[{'n': 1}]"
    assert refused == f"{path}: the journal cannot be used: attempt to write a readonly database; make it writable, or name another file"


def test_an_old_file_that_may_not_be_written_says_what_it_needs(open_folder: Path) -> None:
    path = open_folder / "j.db"
    shutil.copy(Path(__file__).parent / "data" / "journal-v1.db", path)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    (refused,) = as_nobody(path)
    assert refused.endswith("has schema 1, and this version reads 2; make the file writable, and it is brought up to date")


def test_a_file_that_may_not_even_be_read_is_one_line(open_folder: Path) -> None:
    path = open_folder / "store.db"
    open_store(path).close()
    path.chmod(0o600)
    if os.geteuid() != 0:
        path.chmod(0)
    (refused,) = as_nobody(path)
    assert refused.startswith(f"{path}: the journal cannot be used: unable to open database file")


@pytest.mark.skipif(os.geteuid() != 0, reason="to mount a file system needs root")
def test_a_file_system_that_is_read_only_is_read(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if os.system(f"mount -t tmpfs -o size=1m none {place} 2>/dev/null") != 0:
        pytest.skip("nothing can be mounted here")
    try:
        with open_store(place / "store.db", tenant="t") as store:
            store.journal.start_run("r", {})
        os.system(f"mount -o remount,ro {place}")
        with open_store(place / "store.db", tenant="t") as store:
            assert store.journal.run("r").status == "running"
            with pytest.raises(StoreError, match="readonly database; make it writable"):
                store.journal.start_run("s", {})
        with pytest.raises(StoreError, match="Read-only file system"):
            open_store(place / "another.db")
    finally:
        os.system(f"umount {place}")


def test_a_full_disk_in_the_middle_of_a_blob_leaves_what_was_there(tmp_path: Path) -> None:
    with open_store(tmp_path / "store.db", tenant="t") as store:
        first = store.blobs.put(b"first", kind="k", owner="o", name="n")
        store.journal.start_run("r", {})
        pages = store.database.execute("PRAGMA page_count").fetchone()[0]
        store.database.execute(f"PRAGMA max_page_count = {pages + 10}")
        with pytest.raises(StoreError, match="full; free some space") as caught:
            store.blobs.put(os.urandom(200_000), kind="k", owner="o", name="n")
        one_line(caught.value, tmp_path / "store.db")
        assert store.blobs.links("o") == {"n": first}
        assert store.blobs.get(first) == b"first"
        assert store.journal.begin("r", "ask", "1", {}) == 0
        assert store.check() == []


def test_a_file_that_may_not_grow_any_more_leaves_what_was_there(tmp_path: Path) -> None:
    script = f"""
import resource, sys
from cellblock.errors import StoreError
from cellblock.store.opening import open_store
store = open_store(sys.argv[1], tenant="t")
store.journal.start_run("r", {{}})
store.journal.begin("r", "ask", "1", {{"n": 1}})
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))
try:
    store.journal.begin("r", "ask", "2", b"x" * 1_000_000)
except StoreError as error:
    print(error)
store.journal.finish("r", 0, "fits")
"""
    told = subprocess.run([sys.executable, "-c", script, tmp_path / "store.db"], check=False, capture_output=True, text=True)
    assert (told.stderr, told.stdout.count("\n")) == ("", 1)
    assert "the journal cannot be used: " in told.stdout
    with open_store(tmp_path / "store.db", tenant="t") as store:
        assert [(row.payload, row.outcome) for row in store.journal.effects("r")] == [({"n": 1}, "fits")]
        assert store.check() == []


def test_a_clock_that_jumps_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(2_000_000_000, 0, -1_000_000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    with open_store(tmp_path / "store.db", tenant="t") as store:
        for run_id, parent in (("b", None), ("a", None), ("b/1", "b"), ("b/0", "b")):
            store.journal.start_run(run_id, {}, parent=parent)
        for number in range(5):
            store.journal.record("b", "ask", str(number), {}, {})
        assert [run.run_id for run in store.journal.runs()] == ["b", "a", "b/1", "b/0"]
        assert store.journal.descendants("b") == ["b/1", "b/0"]
        assert [run.run_id for run in store.journal.runs(limit=1)] == ["b/0"]
        rows = store.journal.effects("b")
        assert [row.key for row in rows] == list("01234")
        assert rows[0].started > rows[-1].started
        # The lease as well goes by no clock.
        lease = store.leases.take("run:b")
        store.journal.hold(lease)
        store.leases.beat(lease, 1.0)
        store.journal.record("b", "ask", "5", {}, {})
        assert store.leases.active_seconds("run:b") == 1.0


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 300])
def test_a_path_that_is_none_is_one_line(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        open_store(path)
    assert "\n" not in str(caught.value)


def test_a_store_in_memory_is_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store(":memory:", key=b"k") as store:
        store.journal.start_run("r", {})
        blob = store.blobs.put(b"x", kind="k", owner="run:r", name="n")
        assert (store.blobs.get(blob), store.check(), store.leases.take("run:r").epoch) == (b"x", [], 1)
    assert list(tmp_path.iterdir()) == []


def test_a_journal_and_a_store_share_a_file(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db", tenant="t") as store, Journal(tmp_path / "s.db") as journal:
        store.journal.start_run("r", {})
        assert [run.run_id for run in journal.runs()] == ["r"]
        journal.start_run("s", {})
        assert [run.run_id for run in store.journal.runs()] == ["r"]
    with open_store(tmp_path / "s.db") as store:
        assert [run.run_id for run in store.journal.runs()] == ["s"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE runs SET status = char(27) || '[31m'", "stands as none does"),
        ("UPDATE runs SET started = 'noon'", "runs.started holds text"),
        ("UPDATE runs SET ended = x'00'", "runs.ended holds bytes"),
        ("UPDATE runs SET task = 5", "runs.task holds a whole number"),
        ("UPDATE runs SET parent = x'81'", "runs.parent holds bytes"),
        ("UPDATE effects SET started = 'noon'", "effects.started holds text"),
        ("UPDATE effects SET key = x'ff'", "effects.key holds bytes"),
        ("UPDATE effects SET payload = 'text'", "effects.payload holds text"),
        ("UPDATE outcomes SET ended = 'noon'", "effects.ended holds text"),
        ("UPDATE outcomes SET outcome = x'818001'", "not msgpack"),
        ("UPDATE blobs SET tag = 'text'", "blobs.tag holds text"),
        ("UPDATE blobs SET data = 1.5", "blobs.data holds a number"),
    ],
)
def test_a_value_of_another_kind_than_its_column_is_named(path: Path, change: str, word: str) -> None:
    by_hand(path, change)
    with open_store(path, tenant="t") as store:
        found = [line for line in store.check() if word in line]
        assert found
        assert all(line.isprintable() and str(path) in line for line in found)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE threads SET updated = 'noon'", "threads.updated holds text"),
        ("UPDATE threads SET pending = x'00'", "threads.pending holds bytes"),
        ("UPDATE thread_turns SET question = x'81a17805'", "something else where str belongs"),
        ("UPDATE thread_turns SET value = x'80'", "thread_turns.value holds no answer"),
        ("UPDATE thread_turns SET seconds = 'long'", "thread_turns.seconds holds text"),
        ("UPDATE thread_turns SET run_id = x'81'", "thread_turns.run_id holds bytes"),
        ("UPDATE thread_documents SET chars = 'many'", "thread_documents.chars holds text"),
        ("UPDATE thread_documents SET title = x'c1'", "not msgpack"),
        ("UPDATE threads SET name = 'a' || char(10) || 'b'", "control characters"),
    ],
)
def test_a_damaged_thread_is_named(tmp_path: Path, change: str, word: str) -> None:
    path = tmp_path / "store.db"
    with open_store(path, tenant="t") as store:
        threads = Threads(store.database, store.blobs, store.leases, tenant="t")
        lease = store.leases.take(threads.lease_name("a"))
        threads.add_documents(lease, "a", [("title", [b"text"])])
        turn = TurnRow(question="q", answer="a", value=1, success=True, run_id="r", asked=1.0, seconds=1.0)
        threads.add_turn(lease, "a", turn, None, {})
        assert store.check() == []
    by_hand(path, change)
    with open_store(path, tenant="t") as store:
        (found,) = store.check()
        assert word in found
        assert found.isprintable()


@pytest.mark.parametrize("change", ["start = 'text'", "pid = 'text'", "boot = x'00'", "epoch = x'00'", "active = 'long'"])
def test_a_damaged_lease_is_named(tmp_path: Path, change: str) -> None:
    path = tmp_path / "store.db"
    with open_store(path, tenant="t") as store:
        store.leases.take("run:r")
    by_hand(path, f"UPDATE leases SET {change}")
    with open_store(path, tenant="t") as store:
        with pytest.raises(StoreError, match="the journal is damaged: leases") as caught:
            (store.leases.active_seconds if "active" in change else store.leases.take)("run:r")
        one_line(caught.value, path)


ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize(
    "made",
    [
        ("ALTER TABLE runs RENAME TO others", f"CREATE VIEW runs AS SELECT others.* FROM others, ({ENDLESS})"),
        (f"CREATE TRIGGER t BEFORE INSERT ON runs BEGIN {ENDLESS}; END",),
        ("DROP TABLE leases", "CREATE VIRTUAL TABLE leases USING fts5 (tenant, name, epoch)"),
    ],
    ids=["view", "trigger", "virtual table"],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_file_whose_tables_run_statements_of_their_own_is_refused(path: Path, made: tuple[str, ...], version: int) -> None:
    for statement in (*made, f"PRAGMA user_version = {version}"):
        by_hand(path, statement)
    with pytest.raises(StoreError, match="this is no journal: it holds views, triggers or virtual tables") as caught:
        open_store(path, tenant="t")
    one_line(caught.value, path)


@pytest.mark.parametrize("place", ["mysql://me:secret@host/database", "sqlite:///j.db", "file:///j.db"])
def test_another_kind_of_server_is_refused_and_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="a journal is a file, or postgresql://") as caught:
        open_store(place)
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
