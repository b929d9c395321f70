from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from cellblock.errors import ConfigError, StoreError
from cellblock.models import Usage
from cellblock.models.cache import CachedAnswer, FileCache
from cellblock.models.cache.entry import ENTRY_BYTES
from cellblock.models.cache.files import _LEFTOVER_SECONDS

pytestmark = pytest.mark.anyio
KEY = "ab" + "0" * 62
OTHER = "cd" + "0" * 62


def answer_of(text: str) -> CachedAnswer:
    return CachedAnswer(text=text, model="m", usage=Usage(calls=1))


def path_of(cache: FileCache, key: str = KEY) -> Path:
    return cache.folder / key[:2] / f"{key[2:]}.answer"


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path / "cache")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def huge(path: Path) -> None:
    os.truncate(path, 2**40)


def somebody_elses(path: Path) -> None:
    path.write_text('{"text": "yes"}')


def a_link(path: Path) -> None:
    target = path.with_name("target")
    path.rename(target)
    path.symlink_to(target)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def another_entry(path: Path) -> None:
    other = path.parents[1] / OTHER[:2] / f"{OTHER[2:]}.answer"
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("damage", [cut, flipped, emptied, huge, somebody_elses, a_link, a_pipe, another_entry])
async def test_a_damaged_or_foreign_file_is_a_miss_and_is_removed(cache: FileCache, damage: Callable[[Path], None]) -> None:
    await cache.put(OTHER, answer_of("other"))
    await cache.put(KEY, answer_of("mine"))
    damage(path_of(cache))

    assert await cache.get(KEY) is None
    assert not path_of(cache).is_symlink() and not path_of(cache).exists()
    await cache.put(KEY, answer_of("again"))
    assert await cache.get(KEY) == answer_of("again")


async def test_a_folder_in_an_entrys_place_is_a_miss(cache: FileCache) -> None:
    path_of(cache).mkdir(parents=True)

    assert await cache.get(KEY) is None
    with pytest.raises(StoreError, match="cannot be used"):
        await cache.put(KEY, answer_of("x"))
    assert list(path_of(cache).parent.glob(".*")) == []


async def test_the_oldest_entries_make_room(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, max_bytes=ENTRY_BYTES)
    keys = [f"{number:064x}" for number in range(20)]
    for age, key in enumerate(keys):
        await cache.put(key, answer_of("x" * 500_000))
        os.utime(path_of(cache, key), (age, age))

    there = [key for key in keys if path_of(cache, key).exists()]
    assert there == keys[-len(there) :]
    total = sum(path_of(cache, key).stat().st_size for key in there)
    assert ENTRY_BYTES * 0.8 < total <= ENTRY_BYTES * 1.1 + 500_000


async def test_a_folder_that_was_full_before_is_tidied_with_the_first_entry(tmp_path: Path) -> None:
    large = FileCache(tmp_path)
    for number in range(20):
        await large.put(f"{number:064x}", answer_of("x" * 500_000))

    await FileCache(tmp_path, max_bytes=ENTRY_BYTES).put("f" * 64, answer_of("last"))

    assert sum(path.stat().st_size for path in tmp_path.rglob("*.answer")) <= ENTRY_BYTES
    assert path_of(large, "f" * 64).exists()


async def test_files_of_other_names_are_left_alone_and_unfinished_ones_are_removed(tmp_path: Path) -> None:
    cache = FileCache(tmp_path)
    shelf = tmp_path / "ab"
    shelf.mkdir()
    entry = path_of(cache).name
    foreign = [tmp_path / "notes.txt", shelf / "notes.answer", tmp_path / "0123456789" / "x", shelf / f".{entry}.{'1' * 16}"]
    unfinished = shelf / f".{entry}.{'0' * 16}"
    for path in [*foreign, unfinished]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 1_000)
        os.utime(path, (1, 1))
    os.utime(foreign[-1])

    await cache.put(KEY, answer_of("x"))

    assert [path.exists() for path in foreign] == [True] * 4
    assert not unfinished.exists()
    assert _LEFTOVER_SECONDS > 60


async def test_a_reader_never_sees_a_half_written_entry(cache: FileCache) -> None:
    texts = [letter * 1_000_000 for letter in "ab"]
    await cache.put(KEY, answer_of(texts[0]))
    done = anyio.Event()

    async def write() -> None:
        for number in range(40):
            await cache.put(KEY, answer_of(texts[number % 2]))
        done.set()

    async with anyio.create_task_group() as group:
        group.start_soon(write)
        while not done.is_set():
            found = await cache.get(KEY)
            assert found is not None and found.text in texts


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(ConfigError, match="chmod 700"):
        FileCache(tmp_path)


def test_a_place_where_no_folder_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="name another"):
            FileCache(place)
    with pytest.raises(ConfigError, match="max_bytes"):
        FileCache(tmp_path / "small", max_bytes=10)


async def test_a_folder_that_vanished_is_a_miss_and_then_an_error_of_the_store(cache: FileCache) -> None:
    cache.folder.rmdir()

    assert await cache.get(KEY) is None
    with pytest.raises(StoreError, match="cannot be used: No such file"):
        await cache.put(KEY, answer_of("x"))
