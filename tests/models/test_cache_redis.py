from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import anyio
import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.models import Usage
from cellblock.models.cache import CachedAnswer, RedisCache
from cellblock.models.cache import redis as module
from cellblock.models.cache.entry import ENTRY_BYTES

from .redis_servers import REAL, Reply, SmallRedis, real_server, small_server

pytestmark = pytest.mark.anyio
KEY, OTHER = "a" * 64, "b" * 64
NAME = b"cellblock:answer:" + KEY.encode()
ANSWER = CachedAnswer(text="yes", model="m", usage=Usage(calls=1))


@pytest.fixture
def redis() -> SmallRedis:
    return SmallRedis()


@pytest.fixture
def port(redis: SmallRedis) -> Iterator[int]:
    with small_server(redis) as port:
        yield port


@pytest.fixture
async def cache(port: int) -> AsyncIterator[RedisCache]:
    cache = RedisCache(f"redis://user:pass-word-7@127.0.0.1:{port}/2", ttl_seconds=77)
    yield cache
    await cache.aclose()


async def test_an_entry_has_a_name_of_ours_and_a_time_to_live(cache: RedisCache, redis: SmallRedis) -> None:
    await cache.put(KEY, ANSWER)

    assert await cache.get(KEY) == ANSWER
    assert redis.seconds == {NAME: 77}
    assert any(words == [b"AUTH", b"user", b"pass-word-7"] for words in redis.commands)
    assert [b"SELECT", b"2"] in redis.commands


@pytest.mark.parametrize("value", [b"", b"x", b"cellblock answer 1\n" + b"\0" * 40, b"x" * (ENTRY_BYTES * 2)])
async def test_a_foreign_value_is_a_miss_is_not_read_whole_and_stays(cache: RedisCache, redis: SmallRedis, value: bytes) -> None:
    redis.stored[NAME] = value

    assert await cache.get(KEY) is None
    assert redis.stored[NAME] == value
    assert [b"GETRANGE", NAME, b"0", str(ENTRY_BYTES).encode()] in redis.commands


async def test_an_entry_copied_to_another_name_is_a_miss(cache: RedisCache, redis: SmallRedis) -> None:
    await cache.put(KEY, ANSWER)
    redis.stored[NAME.replace(b"a" * 64, b"b" * 64)] = redis.stored[NAME]

    assert await cache.get(OTHER) is None


@pytest.mark.parametrize(
    "reply",
    [
        b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        b":7\r\n",
        b"$-1\r\n",
        b"+OK\r\n",
        b"*1\r\n:1\r\n",
    ],
)
async def test_an_answer_that_is_no_entry_is_a_miss(cache: RedisCache, redis: SmallRedis, reply: bytes) -> None:
    redis.odd = lambda words: reply if words[0] == b"GETRANGE" else b""

    assert await cache.get(KEY) is None


@pytest.mark.parametrize(
    "reply",
    [
        b"-NOAUTH Authentication required pass-word-7.\r\n",
        b"-OOM command not allowed\r\n",
        b"-LOADING\r\n",
        b"!nonsense\r\n",
        b":nonsense\r\n",
        b"$nonsense\r\n",
        b"-ERR one\r\n-ERR two\r\n+OK\r\n$1\r\nx\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        None,
    ],
)
async def test_a_server_that_says_no_or_talks_nonsense_is_one_line(cache: RedisCache, redis: SmallRedis, reply: Reply) -> None:
    redis.odd = lambda words: reply if words[0] in (b"SET", b"GETRANGE") else b""

    for use in (cache.get(KEY), cache.put(KEY, ANSWER)):
        with pytest.raises(StoreError, match="the cache cannot be used") as caught:
            await use
        text = f"{caught.value!s}{caught.value!r}{caught.value.__cause__}"
        assert "\n" not in text and "pass-word-7" not in text
    redis.odd = lambda words: b""
    await cache.put(KEY, ANSWER)
    assert await cache.get(KEY) == ANSWER


async def test_a_server_that_does_not_answer_is_given_up(cache: RedisCache, redis: SmallRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.05)
    redis.odd = _slow(0.5)

    with anyio.fail_after(5), pytest.raises(StoreError, match="cannot be used"):
        await cache.get(KEY)


def _slow(seconds: float) -> Callable[[list[bytes]], Reply]:
    def odd(words: list[bytes]) -> Reply:
        if words[0] == b"GETRANGE":
            threading.Event().wait(seconds)
        return b""

    return odd


async def test_no_server_is_an_error_of_the_store(redis: SmallRedis) -> None:
    with small_server(redis) as port:
        pass
    cache = RedisCache(f"redis://:pass-word-7@127.0.0.1:{port}")

    with pytest.raises(StoreError, match=f"^redis://127.0.0.1:{port}: the cache cannot be used") as caught:
        await cache.get(KEY)
    assert "pass-word-7" not in f"{caught.value}{cache!r}"
    await cache.aclose()


async def test_an_answer_that_comes_after_a_cancellation_is_nobodys(cache: RedisCache, redis: SmallRedis) -> None:
    await cache.put(KEY, ANSWER)
    redis.odd = _slow(0.1)
    for _ in range(module._CONNECTIONS * 2):
        with anyio.move_on_after(0.005):
            await cache.get(KEY)
    redis.odd = lambda words: b""

    assert await cache.get(OTHER) is None
    assert await cache.get(KEY) == ANSWER


async def test_more_calls_at_once_than_connections_wait_their_turn(cache: RedisCache, redis: SmallRedis) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(cache.put, KEY, ANSWER)

    assert sum(words[0] == b"SET" for words in redis.commands) == 200
    assert sum(words[0] == b"SELECT" for words in redis.commands) <= module._CONNECTIONS


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis:///2",
        "http://host",
        "redis://host:port",
        "redis://host:99999",
        "redis://u:secret@host?db=1",
        "redis://[::1",
        "unix:///x",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="use redis://") as caught:
        RedisCache(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, True, 1.5])
def test_a_time_to_live_that_is_none_is_refused(seconds: int) -> None:
    with pytest.raises(ConfigError, match="ttl_seconds"):
        RedisCache("redis://localhost", ttl_seconds=seconds)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "redis" else find(name, *rest))

    with pytest.raises(ConfigError, match=r"pip install 'cellblock\[redis\]'"):
        RedisCache("redis://localhost")


def test_the_client_and_the_price_table_are_not_loaded_before_they_are_used() -> None:
    code = """
import sys
import cellblock.models.cache, cellblock.models.prices, cellblock.models.rates
cellblock.models.cache.open_cache("redis://localhost")
print(sorted({name.split(".")[0] for name in sys.modules} & {"redis", "genai_prices", "openai", "anthropic", "pydantic", "numpy"}))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.skipif(REAL is None, reason="redis-server is not installed; our own small one is used all the same")
async def test_the_real_server_drops_old_entries_and_keeps_other_kinds_of_value(tmp_path: Path) -> None:
    from redis.asyncio import Redis

    with real_server(tmp_path, "--requirepass", "pass-word-7") as port:
        cache = RedisCache(f"redis://:pass-word-7@127.0.0.1:{port}", ttl_seconds=77)
        async with Redis(port=port, password="pass-word-7") as direct:
            await cache.put(KEY, ANSWER)
            assert await cache.get(KEY) == ANSWER
            assert 70 < await direct.ttl(NAME) <= 77
            await direct.delete(NAME)
            await direct.lpush(NAME, "a list")
            assert await cache.get(KEY) is None
            assert await direct.type(NAME) == b"list"
        await cache.aclose()
        stranger = RedisCache(f"redis://:wrong@127.0.0.1:{port}")
        with pytest.raises(StoreError, match="cannot be used"):
            await stranger.get(KEY)
        await stranger.aclose()
