from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.models import Usage
from cellblock.models.cache import CachedAnswer, SQLiteCache

pytestmark = pytest.mark.anyio
KEYS = [f"{number:064x}" for number in range(50)]


def answer_of(text: str) -> CachedAnswer:
    return CachedAnswer(text=text, model="m", usage=Usage(calls=1))


async def there(cache: SQLiteCache) -> list[str]:
    return [key for key in KEYS if await cache.get(key) is not None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


async def test_an_answer_is_there_until_its_time_is_over(path: Path) -> None:
    now = [1_000.0]
    cache = SQLiteCache(path, ttl_seconds=60, clock=lambda: now[0])
    await cache.put(KEYS[0], answer_of("old"))
    now[0] = 1_059.0
    await cache.put(KEYS[1], answer_of("new"))
    assert await there(cache) == KEYS[:2]
    now[0] = 1_060.0
    assert await there(cache) == KEYS[1:2]
    await cache.aclose()

    with sqlite3.connect(path) as database:
        assert database.execute("SELECT key FROM answers").fetchall() == [(KEYS[1],)]
    database.close()


async def test_the_oldest_entries_make_room_and_a_renewed_one_is_young(path: Path) -> None:
    cache = SQLiteCache(path, max_entries=10)
    for key in KEYS[:10]:
        await cache.put(key, answer_of("x"))
    assert await there(cache) == KEYS[:10]
    await cache.put(KEYS[0], answer_of("renewed"))
    for key in KEYS[10:15]:
        await cache.put(key, answer_of("x"))

    found = await there(cache)
    assert KEYS[0] in found and set(KEYS[10:15]) <= set(found) and not set(KEYS[1:5]) & set(found) and len(found) <= 10
    await cache.aclose()


@pytest.mark.parametrize("entry", [b"", b"x" * 100, "text", 7, None])
async def test_a_damaged_or_foreign_entry_is_a_miss_and_is_removed(path: Path, entry: Any) -> None:
    cache = SQLiteCache(path)
    await cache.put(KEYS[0], answer_of("x"))
    with sqlite3.connect(path) as database:
        database.execute("UPDATE answers SET entry = ?", ("" if entry is None else entry,))
        database.commit()
        assert await cache.get(KEYS[0]) is None
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    database.close()
    await cache.aclose()


def test_another_programs_database_is_refused_and_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE precious (x)")
        database.execute("PRAGMA user_version = 1")
    database.close()
    path.chmod(0o600)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a cache of this version; name another file"):
        SQLiteCache(path)
    assert path.read_bytes() == before


def test_a_newer_versions_cache_is_refused(path: Path) -> None:
    SQLiteCache(path)._db.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()

    with pytest.raises(StoreError, match="not a cache of this version"):
        SQLiteCache(path)


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(StoreError, match="remove it if it is a cache, else name another file"):
        SQLiteCache(path)
    assert path.read_bytes() == content


async def test_a_file_that_is_overwritten_meanwhile_is_an_error_of_the_store(path: Path) -> None:
    cache = SQLiteCache(path)
    for key in KEYS:
        await cache.put(key, answer_of("x" * 10_000))
    await cache.aclose()
    data = bytearray(path.read_bytes())
    data[4_096:] = b"\xff" * (len(data) - 4_096)
    path.write_bytes(data)

    cache = SQLiteCache(path)
    with pytest.raises(StoreError, match="cannot be used"):
        await cache.get(KEYS[0])
    await cache.aclose()


def test_a_folder_or_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        SQLiteCache(tmp_path)
    for limit in ({"max_entries": 0}, {"ttl_seconds": 0.0}, {"ttl_seconds": float("nan")}):
        with pytest.raises(ConfigError, match="greater than 0"):
            SQLiteCache(tmp_path / "x.db", **limit)


def _fill(path: Path, name: str) -> None:
    async def fill() -> None:
        cache = SQLiteCache(path)
        for key in KEYS:
            await cache.put(key, answer_of(name))
            assert await cache.get(key) is not None
        await cache.aclose()

    anyio.run(fill)


def test_several_processes_make_and_fill_one_file_at_once(path: Path) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=_fill, args=(path, str(number))) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]


async def test_another_processes_long_write_is_waited_for_without_holding_up_the_loop(path: Path) -> None:
    cache = SQLiteCache(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ticks = 0
    async with anyio.create_task_group() as group:
        group.start_soon(cache.put, KEYS[0], answer_of("x"))
        for _ in range(20):
            await anyio.sleep(0.01)
            ticks += 1
        other.execute("COMMIT")
    other.close()

    assert ticks == 20 and await there(cache) == KEYS[:1]
    await cache.aclose()
