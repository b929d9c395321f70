"""What every store of answers does, whatever it stores them in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from responsive import responsive_loop

from cellblock.errors import ConfigError, StoreError
from cellblock.models import Message, Usage
from cellblock.models.cache import CachedAnswer, CallCache, FileCache, RedisCache, SQLiteCache, call_key, open_cache
from cellblock.models.cache.entry import ENTRY_BYTES

from .redis_servers import REAL, SmallRedis, real_server, small_server

pytestmark = pytest.mark.anyio
NO_SERVER = pytest.mark.skipif(REAL is None, reason="redis-server is not installed; our own small one is used all the same")
USAGE = Usage(input_tokens=10, output_tokens=5, cached_tokens=3, calls=1, cost_usd=0.25, estimated=True)


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[str]:
    if kind == "small redis":
        with small_server(SmallRedis()) as port:
            yield f"redis://127.0.0.1:{port}"
    elif kind == "redis":
        with real_server(folder) as port:
            yield f"redis://127.0.0.1:{port}/3"
    else:
        yield str(folder / kind)


@pytest.fixture(params=["answers", "answers.db", "small redis", pytest.param("redis", marks=NO_SERVER)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of each kind of store in turn."""
    with place_of(request.param, tmp_path) as address:
        yield address


@pytest.fixture
async def cache(place: str) -> AsyncIterator[CallCache]:
    cache = open_cache(place)
    yield cache
    await cache.aclose()


def key_of(prompt: str, *, tenant: str = "acme") -> str:
    return call_key(tenant=tenant, identity="model", messages=[Message("user", prompt)])


def answer_of(text: str) -> CachedAnswer:
    return CachedAnswer(text=text, model="model-7", usage=USAGE)


async def test_what_was_stored_is_found_and_nothing_else(cache: CallCache) -> None:
    await cache.put(key_of("a"), answer_of("é\0\U0001f600\r\n"))

    assert await cache.get(key_of("a")) == answer_of("é\0\U0001f600\r\n")
    assert await cache.get(key_of("b")) is None
    assert await cache.get(key_of("a", tenant="other")) is None


async def test_the_last_answer_under_a_key_counts(cache: CallCache) -> None:
    for text in ("first", "", "last"):
        await cache.put(key_of("a"), answer_of(text))

    assert await cache.get(key_of("a")) == answer_of("last")


async def test_another_cache_at_the_same_place_finds_it(cache: CallCache, place: str) -> None:
    await cache.put(key_of("a"), answer_of("kept"))
    other = open_cache(place)

    assert await other.get(key_of("a")) == answer_of("kept")
    await other.aclose()


async def test_many_tasks_use_it_at_once(cache: CallCache) -> None:
    async def one(number: int) -> None:
        await cache.put(key_of(str(number % 10)), answer_of(str(number % 10)))
        assert await cache.get(key_of(str(number % 10))) == answer_of(str(number % 10))

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(one, number)


async def test_two_event_loops_use_it_at_once(cache: CallCache) -> None:
    async def several(name: str) -> None:
        for number in range(100):
            await cache.put(key_of(f"{name}{number}"), answer_of(name))
            assert await cache.get(key_of(f"{name}{number}")) == answer_of(name)
        if name == "there" and isinstance(cache, RedisCache):
            # A loop that ends has to close its own connections, or the interpreter complains of them.
            client, _ = cache._clients.get()
            await client.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(several, "here")
        await anyio.to_thread.run_sync(anyio.run, several, "there")


async def test_an_answer_too_long_is_not_kept_and_one_just_short_enough_is(cache: CallCache) -> None:
    await cache.put(key_of("long"), answer_of("x" * ENTRY_BYTES))
    await cache.put(key_of("short"), answer_of("x" * (ENTRY_BYTES - 1_000)))

    assert await cache.get(key_of("long")) is None
    assert await cache.get(key_of("short")) == answer_of("x" * (ENTRY_BYTES - 1_000))


@pytest.mark.parametrize("key", ["../" * 8 + "etc/passwd", "", "*", "0" * 65])
async def test_a_key_that_is_none_is_refused(cache: CallCache, key: str) -> None:
    with pytest.raises(ConfigError):
        await cache.get(key)
    with pytest.raises(ConfigError):
        await cache.put(key, answer_of("x"))


async def test_the_event_loop_goes_on_meanwhile(cache: CallCache) -> None:
    async with responsive_loop(0.5), anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(cache.put, key_of(str(number)), answer_of("x" * 100_000))


async def test_a_cancelled_use_leaves_it_usable(cache: CallCache) -> None:
    for number in range(20):
        await cache.put(key_of(str(number)), answer_of(str(number)))
    for number in range(20):
        with anyio.move_on_after(number * 0.00005):
            await cache.get(key_of("0"))
        assert await cache.get(key_of(str(number))) == answer_of(str(number))


async def test_closing_twice_is_harmless(cache: CallCache) -> None:
    await cache.aclose()
    await cache.aclose()


async def test_a_closed_database_or_server_says_so(cache: CallCache) -> None:
    await cache.aclose()
    if isinstance(cache, FileCache):
        return
    with pytest.raises(StoreError, match="was closed"):
        await cache.get(key_of("a"))


def test_the_address_says_which_kind_it_is(tmp_path: Path) -> None:
    assert isinstance(open_cache(tmp_path / "a"), FileCache)
    for name in ("a.db", "a.sqlite", "A.SQLite3"):
        database = open_cache(tmp_path / name)
        assert isinstance(database, SQLiteCache)
        anyio.run(database.aclose)
    for url in ("redis://localhost", "rediss://u:p@localhost:7000/2"):
        assert isinstance(open_cache(url), RedisCache)


@pytest.mark.parametrize("where", ["", "http://localhost", "memcached://:secret@host", "a\0b", "://"])
def test_an_address_of_no_kind_is_refused_without_showing_it_all(where: str) -> None:
    with pytest.raises(ConfigError, match="use a folder") as caught:
        open_cache(where)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["answers", "answers.db"])
def test_what_is_stored_is_this_users_alone(tmp_path: Path, name: str) -> None:
    async def store() -> None:
        cache = open_cache(tmp_path / "new" / name)
        await cache.put(key_of("a"), answer_of("secret"))
        await cache.aclose()

    before = os.umask(0)
    try:
        anyio.run(store)
    finally:
        os.umask(before)
    # Folders further up are as the user's umask has it.
    own = tmp_path / "new" / ("answers" if name == "answers" else "")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "new").rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in [own, *own.rglob("*")] if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})
