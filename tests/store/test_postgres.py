"""What only a server can do to a store: be away, go away, say no, be slow."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

import psycopg
import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.store.journal import SCHEMA_VERSION, Journal
from cellblock.store.opening import Store, open_store

pytestmark = pytest.mark.xdist_group("postgres")
SECRET = "pass-word-7"
LOST = "the connection is closed or lost .*; what was written before is there: open it again"
NO_ADDRESS = "the address of the store is none: postgresql://user:password@host:port/database is needed"


@pytest.fixture
def place(postgres_place: str) -> str:
    return postgres_place


@contextmanager
def administrator(place: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(place, autocommit=True) as connection:
        yield connection


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert SECRET not in text
    assert len(text) < 500
    return text


def test_a_connection_that_is_lost_is_one_line_and_what_was_written_is_there(place: str) -> None:
    with open_store(place) as store:
        store.journal.start_run("r", {})
        store.journal.begin("r", "ask", "1", {"n": 1})
        with administrator(place) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cellblock'")
        for write in (
            lambda: store.journal.finish("r", 0, {}),
            lambda: store.journal.begin_many("r", "call", [("a", 1), ("b", 2)]),
            lambda: store.blobs.put(b"x", kind="k", owner="o", name="n"),
            lambda: store.journal.effects("r"),
            lambda: store.leases.take("run:r"),
        ):
            with pytest.raises(
                StoreError, match="the connection is closed or lost .*; what was written before is there: open it again"
            ) as caught:
                write()
            one_line(caught)
    with open_store(place) as store:
        assert [(row.payload, row.ended) for row in store.journal.effects("r")] == [({"n": 1}, None)]


def test_a_connection_that_is_lost_within_a_transaction_leaves_nothing_of_it(place: str) -> None:
    with open_store(place) as store:
        with pytest.raises(StoreError, match="lost"), store.database.transaction():
            store.journal.start_run("r", {})
            with administrator(place) as other:
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cellblock'")
            store.journal.begin("r", "ask", "1", {})
        with pytest.raises(StoreError, match="lost"), store.database.transaction():
            pass
    with open_store(place) as store:
        assert store.journal.runs() == []


def test_a_closed_store_says_so(place: str) -> None:
    store = open_store(place)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="the connection is closed"):
        store.journal.runs()


def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match=r"^postgresql://127.0.0.1/db: the journal cannot be used: ") as caught:
        open_store(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db")
    assert "refused" in one_line(caught)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with pytest.raises(StoreError, match="timeout") as caught:
            open_store(f"postgres://me:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2")
        one_line(caught)


def test_a_server_that_speaks_another_language_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        ended = threading.Event()

        def answer() -> None:
            while not ended.is_set():
                # Nobody called, or whoever did has heard enough.
                with suppress(TimeoutError, ConnectionError):
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(10)
                        connection.recv(100)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 5_000)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with pytest.raises(StoreError) as caught:
                open_store(f"postgresql://me:{SECRET}@127.0.0.1:{server.getsockname()[1]}/db")
        finally:
            ended.set()
            thread.join()
        one_line(caught)


@pytest.mark.parametrize(
    "address", [f"postgresql://me:{SECRET}@[::1/db", f"postgresql://me:{SECRET}@h/db?no_such=1", f"postgres://me:{SECRET}@h/%zz"]
)
def test_an_address_that_is_none_is_one_line_without_the_password(address: str) -> None:
    with pytest.raises(
        ConfigError, match="the address of the store is none: postgresql://user:password@host:port/database is needed"
    ) as caught:
        open_store(address)
    one_line(caught)


def test_a_database_that_is_not_there_is_one_line(place: str) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        open_store(place.replace("/postgres?", "/no_such_database?"))
    one_line(caught)


def test_a_missing_library_says_what_to_install() -> None:
    script = """
import sys
sys.modules["psycopg"] = None
from cellblock.errors import ConfigError
from cellblock.store.opening import open_store
for _ in range(2):
    try:
        open_store("postgresql://h/db")
    except ConfigError as error:
        print(error)
open_store(":memory:").close()
"""
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert told == "a store in PostgreSQL needs its library: pip install 'cellblock[postgres]'\n" * 2


def test_a_store_in_a_file_does_not_load_the_library() -> None:
    script = "import sys; from cellblock.store.opening import open_store; open_store(':memory:').close(); print('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "False\n"


def test_a_newer_version_is_refused_and_nothing_is_touched(place: str) -> None:
    open_store(place).close()
    with administrator(place) as other:
        other.execute("UPDATE cellblock.schema_version SET version = 9")
        with pytest.raises(StoreError, match=f"schema 9, and this version reads {SCHEMA_VERSION}; use a newer cellblock"):
            open_store(place)
        assert other.execute("SELECT version FROM cellblock.schema_version").fetchall() == [(9,)]


def test_other_tables_of_the_database_are_left_alone(place: str) -> None:
    with administrator(place) as other:
        other.execute("DROP TABLE IF EXISTS public.runs; CREATE TABLE public.runs (mine TEXT); INSERT INTO public.runs VALUES ('kept')")
        with open_store(place) as store:
            store.journal.start_run("r", {})
            assert [run.run_id for run in store.journal.runs()] == ["r"]
        assert other.execute("SELECT * FROM public.runs").fetchall() == [("kept",)]
        other.execute("DROP TABLE public.runs")


def test_processes_that_make_the_same_store_at_once_make_one(place: str) -> None:
    script = """
import sys
from cellblock.store.opening import open_store
sys.stdin.readline()
with open_store(sys.argv[1]) as store:
    store.journal.start_run(sys.argv[2], {})
"""
    makers = [subprocess.Popen([sys.executable, "-c", script, place, str(n)], stdin=subprocess.PIPE, text=True) for n in range(4)]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("\n")
        maker.stdin.flush()
    assert [(maker.communicate(timeout=60), maker.returncode)[1] for maker in makers] == [0] * 4
    with open_store(place) as store:
        assert {run.run_id for run in store.journal.runs()} == {"0", "1", "2", "3"}


def test_a_user_who_may_only_read_is_told_so_and_reads(place: str) -> None:
    with open_store(place) as store:
        store.journal.start_run("r", {})
    with administrator(place) as other:
        other.execute("DROP ROLE IF EXISTS reader")
        other.execute("CREATE ROLE reader LOGIN")
        other.execute("GRANT USAGE ON SCHEMA cellblock TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA cellblock TO reader")
        try:
            with open_store(place.replace("postgres@", f"reader:{quote(SECRET)}@")) as store:
                assert store.journal.run("r").status == "running"
                with pytest.raises(StoreError, match="permission denied") as caught:
                    store.journal.start_run("s", {})
                one_line(caught)
        finally:
            other.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_a_locked_store_is_one_line_after_the_wait(place: str) -> None:
    open_store(place).close()
    with Journal(place, busy_seconds=0.1) as journal, administrator(place) as other, other.transaction():
        journal.start_run("r", {})
        other.execute("LOCK TABLE cellblock.effects IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="another process is writing to it; wait") as caught:
            journal.begin("r", "ask", "1", {})
        one_line(caught)


def test_a_write_that_meets_a_takeover_waits_for_it_and_is_fenced_off(place: str) -> None:
    with open_store(place) as store, administrator(place) as other:
        store.journal.hold(store.leases.take("run:r"))
        store.journal.start_run("r", {})
        with other.transaction():
            other.execute("UPDATE cellblock.leases SET epoch = epoch + 1")
            # It goes on as soon as the writer waits.
            waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'cellblock' AND wait_event_type = 'Lock'"
            told: list[str] = []

            def write() -> None:
                try:
                    store.journal.begin("r", "ask", "1", {})
                except StoreError as error:
                    told.append(str(error))

            thread = threading.Thread(target=write)
            thread.start()
            while not other.execute(waiting).fetchall():
                assert thread.is_alive()
        thread.join(30)
        assert ["another process drives this run now" in line for line in told] == [True]
        assert store.journal.effects("r") == []


def test_a_statement_that_fails_within_a_transaction_leaves_a_store_that_works(store: Store) -> None:
    with pytest.raises(StoreError, match="there is a run named 'r' already"), store.database.transaction():
        store.journal.start_run("r", {})
        store.journal.start_run("r", {})
    assert store.journal.runs() == []
    store.journal.start_run("r", {})


def test_text_that_no_column_of_text_can_hold_is_kept_in_payloads(store: Store) -> None:
    store.journal.start_run("r", {"question": "nul \0"})
    store.journal.record("r", "ask", "1", {"text": "\0"}, "\0")
    assert store.journal.effects("r")[0].outcome == "\0"
    with pytest.raises(StoreError) as caught:
        store.journal.begin("r", "ask", "\0", {})
    one_line(caught)
    assert store.journal.begin("r", "ask", "2", {}) == 1
