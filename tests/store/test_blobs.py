"""Bytes by their content: on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cellblock.errors import StoreError, TamperedSnapshot
from cellblock.store.opening import Store

from .conftest import Opener


def put(store: Store, data: bytes = b"the bytes", owner: str = "thread:r", name: str = "last", kind: str = "snapshot") -> str:
    return store.blobs.put(data, kind=kind, owner=owner, name=name)


@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 1_000_000, os.urandom(100_000)], ids=["nothing", "nul", "much of the same", "noise"])
def test_what_was_put_is_got_by_its_hash(store: Store, opened: Opener, data: bytes) -> None:
    blob = put(store, data)
    assert blob == hashlib.sha256(data).hexdigest()
    assert opened().blobs.get(blob) == data
    assert store.blobs.links("thread:r") == {"last": blob}


def test_a_view_of_memory_is_put_as_its_bytes(store: Store) -> None:
    words = memoryview(bytearray(range(64))).cast("I")
    assert store.blobs.get(put(store, words)) == bytes(range(64))  # type: ignore[arg-type]


def test_the_same_bytes_are_kept_once_and_compressed(store: Store) -> None:
    data = b"much of the same " * 100_000
    first = put(store, data)
    assert put(store, data, owner="thread:s", kind="document") == first
    rows = store.database.rows("SELECT kind, size, length(data) FROM blobs")
    assert [row[:2] for row in rows] == [("snapshot", len(data))]
    assert rows[0][2] < len(data) / 50


def test_a_link_is_replaced_and_the_blob_behind_it_is_free_to_go(store: Store) -> None:
    old, new = put(store, b"old"), put(store, b"new")
    assert store.blobs.links("thread:r") == {"last": new}
    collected = store.gc(0)
    assert (collected.blobs, collected.bytes) == (1, len(zlib.compress(b"old", 1)))
    assert store.blobs.get(new) == b"new"
    with pytest.raises(StoreError, match=f"blob {old[:12]}… is gone"):
        store.blobs.get(old)


def test_links_are_made_and_removed_one_by_one_or_all_of_an_owner(store: Store) -> None:
    blob = put(store)
    store.blobs.link("thread:s", "a", blob)
    store.blobs.link("thread:s", "b", blob)
    assert store.blobs.links("thread:s") == {"a": blob, "b": blob}
    store.blobs.unlink("thread:s", "a")
    store.blobs.unlink("thread:s", "no such")
    assert store.blobs.links("thread:s") == {"b": blob}
    store.blobs.link("thread:s", "c", blob)
    store.blobs.unlink("thread:s")
    assert (store.blobs.links("thread:s"), store.blobs.links("thread:r")) == ({}, {"last": blob})
    assert store.gc(0).blobs == 0


def test_what_was_put_linked_or_unlinked_not_long_ago_stays(store: Store) -> None:
    blob = put(store)
    store.blobs.unlink("thread:r")
    assert store.gc(3600).blobs == 0
    store.database.execute("UPDATE blobs SET touched = touched - 4000")
    store.blobs.link("thread:r", "last", blob)
    store.blobs.unlink("thread:r")
    assert store.gc(3600).blobs == 0
    store.database.execute("UPDATE blobs SET touched = touched - 4000")
    assert store.gc(3600).blobs == 1


def test_what_a_link_led_to_not_long_ago_stays(store: Store) -> None:
    old = put(store, b"old")
    store.database.execute("UPDATE blobs SET touched = touched - 4000")
    put(store, b"new")
    assert store.gc(3600).blobs == 0
    assert store.blobs.get(old) == b"old"


@pytest.mark.parametrize(
    "again",
    [lambda store, blob: put(store, owner="run:r"), lambda store, blob: store.blobs.link("run:r", "x", blob)],
    ids=["put", "linked"],
)
def test_what_was_put_or_linked_again_is_as_new(store: Store, again: Callable[[Store, str], object]) -> None:
    store.journal.start_run("r", {})
    blob = put(store, owner="run:r")
    store.database.execute("UPDATE blobs SET touched = touched - 4000")
    store.database.execute("DELETE FROM blob_links")
    again(store, blob)
    store.journal.delete_run("r")
    assert (store.gc(3600).blobs, store.gc(0).blobs) == (0, 1)


def test_a_blob_that_is_gone_cannot_be_linked(store: Store) -> None:
    blob = put(store)
    store.blobs.unlink("thread:r")
    store.gc(0)
    with pytest.raises(StoreError, match="is gone"):
        store.blobs.link("thread:r", "last", blob)
    assert store.blobs.links("thread:r") == {}


@pytest.mark.parametrize("blob", ["", "x", "../../etc/passwd", "A" * 64, "0" * 63 + "\n", None, 7, "0" * 65])
def test_what_is_no_id_is_refused(store: Store, blob: str) -> None:
    for use in (lambda: store.blobs.get(blob), lambda: store.blobs.link("o", "n", blob)):
        with pytest.raises(StoreError, match="an id is 64 hexadecimal digits"):
            use()


def test_tenants_have_blobs_of_their_own(store: Store, opened: Opener) -> None:
    blob = put(store)
    other = opened(tenant="other", key=b"o" * 32)
    with pytest.raises(StoreError, match="is gone"):
        other.blobs.get(blob)
    assert other.blobs.links("thread:r") == {}
    put(other)
    store.blobs.unlink("thread:r")
    assert store.gc(0).blobs == 1
    assert other.blobs.get(blob) == b"the bytes"


def test_another_key_is_told_from_the_right_one(store: Store, opened: Opener) -> None:
    blob = put(store)
    with pytest.raises(TamperedSnapshot, match="was not put with this tenant's key"):
        opened(key=b"another").blobs.get(blob)


def test_a_row_moved_to_another_tenant_is_found_out(store: Store, opened: Opener) -> None:
    blob = put(store)
    store.database.execute("UPDATE blobs SET tenant = 'other'")
    with pytest.raises(TamperedSnapshot):
        opened(tenant="other", key=b"o" * 32).blobs.get(blob)


BOMB = zlib.compress(b"\0" * 20_000_000, 9)


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("data = ?", (zlib.compress(b"the bites", 1),)),
        ("data = ?", (zlib.compress(b"the bytes", 1)[:-1],)),
        ("data = ?", (zlib.compress(b"the bytes", 1) + b"x",)),
        ("data = ?", (zlib.compress(b"the byte", 1),)),
        ("data = ?", (zlib.compress(b"the bytes!", 1),)),
        ("data = ?", (b"",)),
        ("data = ?", (b"no zlib",)),
        ("data = ?", (BOMB,)),
        ("data = ?, size = ?", (BOMB, 20_000_000)),
        ("data = ?, size = ?", (BOMB, -1)),
        ("data = ?, size = ?", (BOMB, -2)),
        ("size = ?", (8,)),
        ("size = ?", (10,)),
        ("size = ?", (-1,)),
        ("size = ?", (-2,)),
        ("size = ?", (2**62,)),
        ("kind = ?", ("document",)),
        ("tag = ?", (b"",)),
        ("tag = ?", (b"x" * 32,)),
        ("blob = ?", ("0" * 64,)),
    ],
)
def test_a_blob_changed_by_hand_is_found_out_and_others_stay_readable(store: Store, change: str, values: tuple[object, ...]) -> None:
    other, blob = put(store, b"another", name="other"), put(store)
    store.database.execute(f"UPDATE blobs SET {change} WHERE blob = ?", (*values, blob))
    changed = "0" * 64 if change == "blob = ?" else blob
    tracemalloc.start()
    with pytest.raises(TamperedSnapshot) as caught:
        store.blobs.get(changed)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert any(changed[:12] in line for line in store.check())
    assert store.blobs.get(other) == b"another"


@pytest.mark.parametrize("size", [9, 0, -1, -2])
def test_a_bomb_is_unpacked_no_further_than_the_size_that_was_put_whoever_has_the_key(store: Store, size: int) -> None:
    blob = put(store)
    tag = store.blobs._tag(blob, "snapshot", size)
    store.database.execute("UPDATE blobs SET data = ?, tag = ?, size = ?", (BOMB, tag, size))
    tracemalloc.start()
    with pytest.raises(TamperedSnapshot, match="is not what was stored"):
        store.blobs.get(blob)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_blob_that_vanished_is_named_by_who_links_it(store: Store) -> None:
    blob, other = put(store), put(store, b"another", name="other")
    store.database.execute("DELETE FROM blobs WHERE blob = ?", (blob,))
    with pytest.raises(StoreError, match=f"blob {blob[:12]}… is gone: it was removed, or never was in this store"):
        store.blobs.get(blob)
    assert [line.split(": ", 1)[1] for line in store.check()] == ["the blob that 'thread:r' links as 'last' is gone"]
    assert store.blobs.get(other) == b"another"
    # Put again, it is whole again.
    put(store)
    assert store.check() == []


def test_a_put_that_fails_links_nothing(store: Store) -> None:
    with pytest.raises(StoreError), store.database.transaction():
        put(store)
        store.database.execute("no such statement")
    assert (store.blobs.links("thread:r"), store.gc(0).blobs) == ({}, 0)


def test_a_put_is_a_part_of_the_transaction_around_it(store: Store, opened: Opener) -> None:
    with store.database.transaction():
        blob = put(store)
        assert store.blobs.get(blob) == b"the bytes"
        store.journal.start_run("r", {})
    assert opened().blobs.get(blob) == b"the bytes"
    assert opened().journal.run("r").status == "running"


WRITER = """
import itertools, os, sys
from cellblock.store.opening import open_store
store = open_store(sys.argv[1], tenant="t", key=b"k" * 32)
for number in itertools.count():
    if number >= int(sys.argv[2]) and os.path.exists(sys.argv[4]):
        break
    # The same few contents over and over, each for a while without a link: what `gc` wants to have.
    data = bytes([number % 7]) * 2000
    blob = store.blobs.put(data, kind="k", owner="o" + sys.argv[3], name="n")
    assert store.blobs.get(blob) == data, number
    store.blobs.link("o" + sys.argv[3], "second", blob)
    store.blobs.unlink("o" + sys.argv[3], "n")
    assert store.blobs.get(store.blobs.links("o" + sys.argv[3])["second"]) == data, number
print("whole")
"""


def test_a_collector_takes_nothing_away_from_writers_in_other_processes(store: Store, place: str, tmp_path: Path) -> None:
    put(store)
    enough = tmp_path / "enough"
    given = [[sys.executable, "-c", WRITER, place, "150", str(n), str(enough)] for n in range(2)]
    writers = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for words in given]
    collected = 0
    while any(writer.poll() is None for writer in writers):
        collected += store.gc(0).blobs
        if collected > 10:
            enough.touch()
    for writer in writers:
        said, errors = writer.communicate()
        assert (said, errors) == ("whole\n", "")
    assert collected > 10
    assert store.check() == []


CROSSING = """
import sys
from cellblock.store.opening import open_store
store = open_store(sys.argv[1], tenant="t", key=b"k" * 32)
contents = [bytes([n]) * 100 for n in range(20)]
if sys.argv[2] == "down":
    contents.reverse()
for _ in range(20):
    with store.database.transaction():
        for n, data in enumerate(contents):
            store.blobs.put(data, kind="k", owner=sys.argv[2], name=str(n % 3))
        store.blobs.unlink(sys.argv[2], "1")
"""


def test_writers_of_the_same_blobs_in_another_order_do_not_wait_for_each_other(store: Store, place: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", CROSSING, place, way], stderr=subprocess.PIPE) for way in ("up", "down")]
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [b"", b""]
    assert store.check() == []
