"""What the journal costs: an effect recorded while a lease is held, beside SQLite's own INSERT; a run read back."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

from figures import Figure, middle

from cellblock.store.opening import open_store

TIMES = 2_000
PAYLOAD = {"messages": [{"role": "user", "content": "x" * 200}], "shown": 3, "role": "root_call", "model": "m"}
OUTCOME = {"text": "y" * 200, "model": "m", "usage": {"calls": 1, "input_tokens": 100, "output_tokens": 50}}


async def journal() -> AsyncIterator[Figure]:
    """Milliseconds of one effect, begun and finished, each a transaction; of 1,000 effects read; of a large prompt's outcome."""
    with tempfile.TemporaryDirectory() as folder:
        floor = _two_inserts(Path(folder) / "floor.db")
        with open_store(Path(folder) / "store.db") as store:
            journal = store.journal
            journal.hold(store.leases.take("run:r"))
            journal.start_run("r", {})
            value = middle(lambda: journal.finish("r", journal.begin("r", "ask", "1", PAYLOAD), OUTCOME), TIMES)
            yield Figure(name="journal: begin and finish, fenced", value=value, unit="ms", floor=floor, target=0.1)
            journal.start_run("s", {})
            for _ in range(1_000):
                journal.record("s", "ask", "1", PAYLOAD, OUTCOME)
            query = "SELECT * FROM effects JOIN outcomes USING (run, seq) WHERE run = 2 ORDER BY seq"
            fetched = middle(lambda: store.database.rows(query), 5)
            value = middle(lambda: journal.effects("s"), 5)
            yield Figure(name="journal: 1,000 effects read", value=value, unit="ms", floor=fetched, target=100.0)
            large = journal.begin_many("s", "ask", [("1", {"messages": "z" * 4_000_000})] * 5)
            taken = []
            for seq in large:
                started = time.perf_counter()
                journal.finish("s", seq, OUTCOME)
                taken.append(time.perf_counter() - started)
            yield Figure(name="journal: finish of a 4 MB prompt", value=median(taken) * 1e3, unit="ms", floor=floor / 2, target=1.0)


def _two_inserts(path: Path) -> float:
    """Milliseconds of what SQLite itself takes to insert a row of that size twice, with no lease looked at."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    for table in ("a", "b"):
        database.execute(f"CREATE TABLE {table} (run BIGINT, seq BIGINT, data BLOB, PRIMARY KEY (run, seq))")
    numbers, data = iter(range(TIMES)), b"x" * 250

    def both() -> None:
        seq = next(numbers)
        for table in ("a", "b"):
            database.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (1, seq, data))

    taken = middle(both, TIMES)
    database.close()
    return taken
