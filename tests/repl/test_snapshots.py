"""Dumps that leave the process: sealed per tenant, bound to their version, refused before an interpreter sees them."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from responsive import responsive_loop

from cellblock.errors import ConfigError, SandboxBroken, StaleSnapshot, StoreError, TamperedSnapshot
from cellblock.limits import ExecLimits
from cellblock.repl.base import SavedState
from cellblock.repl.guests import monty
from cellblock.repl.keys import tenant_key
from cellblock.repl.session import open_session
from cellblock.repl.snapshot import MAGIC, left_out, seal, unseal
from cellblock.testing import snapshots

pytestmark = pytest.mark.anyio
KEY = b"k" * 32
ROOMY = ExecLimits(memory_bytes=2**30)
SAVED = SavedState.holding(b"the state")
SAVED.left_out = {"f": "a closure"}
SEALED = seal(SAVED, monty(), KEY)


async def test_a_session_goes_on_from_a_dump() -> None:
    async with await open_session() as one:
        await one.exec("x = [1]\ndef f():\n    return x")
        data = await one.dump()
        await one.exec("x.append(2)")
    async with await open_session(snapshot=data) as two:
        assert (await two.exec("f()")).value_preview == "[1]"
        assert (await two.exec("SHOW_VARS()")).value_preview == repr("f: function\nx: list of 1")


async def test_a_session_from_a_dump_rolls_back_to_it() -> None:
    async with await open_session() as one:
        await one.exec("x = 1")
        data = await one.dump()
    async with await open_session(snapshot=data) as two:
        two._standing.drop()
        assert (await two.exec("x")).value_preview == "1"


async def test_a_large_snapshot_holds_up_nobody(naked: str) -> None:
    async with await open_session(naked, limits=ROOMY) as one:
        await one.exec("x = bytes(150_000_000)")
        async with responsive_loop():
            data = await one.dump()
        async with responsive_loop(), await open_session(naked, limits=ROOMY, snapshot=data) as two:
            assert (await two.exec("len(x)")).value_preview == "150000000"


NEVER_LOADS = "wait = False\nclass A:\n    while wait:\n        pass\nwait = True"


async def test_a_state_whose_load_never_ends_is_given_up_by_the_limits_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellblock.repl.opening.LOAD_SECONDS", 0.3)
    limits = ExecLimits(wall_seconds=0.2)
    async with await open_session("restricted", limits=limits) as one:
        await one.exec(NEVER_LOADS)
        data = await one.dump()
    async with responsive_loop():
        with pytest.raises(SandboxBroken, match=r"did not open the session within 0\.5 s"):
            await open_session("restricted", limits=limits, snapshot=data)


async def test_what_was_left_out_is_named(naked: str) -> None:
    async with await open_session(naked) as one:
        await one.exec("x = 1\nf = lambda: x")
        data = await one.dump()
    assert set(left_out(data)) == {"f", "print"}
    async with await open_session(naked, snapshot=data) as two:
        assert (await two.exec("x")).value_preview == "1"


async def test_another_tenants_snapshot_is_refused() -> None:
    async with await open_session(tenant="a") as one:
        data = await one.dump()
    with pytest.raises(TamperedSnapshot, match="no snapshot of this tenant"):
        await open_session(tenant="b", snapshot=data)


async def test_another_sandboxs_snapshot_is_refused_by_name(naked: str) -> None:
    async with await open_session(naked) as one:
        data = await one.dump()
    with pytest.raises(StaleSnapshot, match="belongs to sandbox 'naked'; here it is 'monty'"):
        await open_session(snapshot=data)


async def test_a_state_that_the_interpreter_does_not_take_is_a_clear_error() -> None:
    head = b"\x93\x00\x00"
    secret = b"s" * 32
    for state in (b"", b"x", head, len(head).to_bytes(4, "little") + b"\x92\x82\xa6unsure\x90\xa4gone\x90\x90" + b"not a heap"):
        data = seal(SavedState.holding(state), monty(), tenant_key("default", secret))
        with pytest.raises((StoreError, ConfigError)):
            await open_session(snapshot=data, snapshot_secret=secret)


LIAR = """
import worker, gc
for one in gc.get_objects():
    if type(one) is worker.Worker:
        one.handlers["checkpoint"] = lambda frame: {}
"""
HOLDS_ON = """
import worker, mmap, socket
def lie(self, frame):
    _, (fd,), _, _ = socket.recv_fds(self.connection, 1, 1)
    self.held = mmap.mmap(fd, 4096)
    self.held[:4] = b"abcd"
    return [4, {}]
worker.Worker._checkpoint = lie
import gc
for one in gc.get_objects():
    if type(one) is worker.Worker:
        one.handlers["checkpoint"] = one._checkpoint
"""
LIES = ["[0, {}]", "[-5, {}]", "[2**40, {}]", "['x', {}]", "[5]", "{}", "None", "[5, {str(i): 'x' for i in range(300)}]", "[True, []]"]


@pytest.mark.parametrize("lie", LIES)
async def test_a_worker_that_lies_about_its_dump_is_broken(naked: str, lie: str) -> None:
    async with await open_session(naked) as one:
        await one.exec(LIAR.format(lie))
        with pytest.raises(SandboxBroken):
            await one.dump()


async def test_a_worker_that_could_still_change_its_dump_is_broken(naked: str) -> None:
    async with await open_session(naked) as one:
        assert (await one.exec(HOLDS_ON)).error is None
        with pytest.raises(SandboxBroken, match="let go"):
            await one.dump()


@given(snapshots(SEALED))
@settings(max_examples=400, deadline=None)
def test_no_other_bytes_pass(data: bytes) -> None:
    with pytest.raises(TamperedSnapshot):
        unseal(data, monty(), KEY)


def test_a_whole_snapshot_gives_its_state_and_names_what_it_lacks() -> None:
    assert bytes(unseal(SEALED, monty(), KEY)) == b"the state"
    assert left_out(SEALED) == {"f": "a closure"}


def a_snapshot(header: bytes, size: int | None = None) -> bytes:
    return MAGIC + struct.pack("<I", len(header) if size is None else size) + header + bytes(32)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no snapshot",
        MAGIC,
        b"x" + a_snapshot(msgspec.msgpack.encode({"sandbox": "a", "interpreter": "b", "left_out": {"f": "why"}}))[1:],
        a_snapshot(b"", 2**32 - 1),
        a_snapshot(b"\x81\xa7sandbox\xa2\xff\xfe"),
        a_snapshot(b"\x81\xa8left_out" + b"\x81\xa1x" * 100_000),
        a_snapshot(b"\x83\xa7sandbox\xa1a\xabinterpreter\xa1b\xa8left_out\xdf" + struct.pack(">I", 10**6) + b"\xa1x\xa0" * 10**6),
    ],
)
def test_of_other_bytes_nothing_is_said_to_be_left_out(data: bytes) -> None:
    assert left_out(data) == {}


@pytest.mark.parametrize("change", [{"name": "other"}, {"package": "msgspec"}, {"artefact": "0123456789abcdef0123"}])
def test_another_version_is_named(change: dict[str, str]) -> None:
    with pytest.raises(StaleSnapshot, match="this snapshot belongs to"):
        unseal(SEALED, replace(monty(), **change), KEY)


def test_keys_differ_by_tenant_and_stay_the_same(empty_home: Path) -> None:
    assert tenant_key("a") == tenant_key("a") != tenant_key("b")
    assert tenant_key("a", b"x" * 32) != tenant_key("a")
    found = next(empty_home.rglob("snapshot.key"))
    assert stat.S_IMODE(found.stat().st_mode) == 0o600 and [path.name for path in found.parent.iterdir()] == ["snapshot.key"]


def test_a_secret_that_others_can_read_is_refused(empty_home: Path) -> None:
    tenant_key("a")
    path = next(empty_home.rglob("snapshot.key"))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        tenant_key("a")
    path.unlink()
    os.symlink("/etc/hostname", path)
    with pytest.raises(ConfigError, match="cannot be read"):
        tenant_key("a")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 32 bytes"):
        tenant_key("a", b"short")


def test_the_secret_can_be_a_file_that_several_machines_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tenant_key("t")
    monkeypatch.setenv("CELLBLOCK_SECRET_FILE", str(tmp_path / "shared.key"))
    theirs = tenant_key("t")
    assert theirs != ours
    assert tenant_key("t") == theirs and (tmp_path / "shared.key").stat().st_mode & 0o077 == 0
