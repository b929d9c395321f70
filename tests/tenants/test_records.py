"""What is on record of a tenant is there for nobody else: whoever asks hears what they would hear of a thing that never was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cellblock import RLM
from cellblock.engine.kept import place_of
from cellblock.engine.recorded_run import RecordedRun
from cellblock.errors import ConfigError, SandboxError, StoreError
from cellblock.models import ScriptedModel
from cellblock.models.cache import FileCache, SemanticCache, SemanticModel
from cellblock.repl.keys import SEED_BITS, tenant_seed
from cellblock.repl.session import open_session
from cellblock.store.opening import open_store

pytestmark = pytest.mark.anyio
SECRET = b"of a deployment, 32 bytes at least"
NOBODY_S = "20200101-000000-0000000000"


def rlm(folder: Path, tenant: str, *replies: str) -> RLM:
    return RLM(ScriptedModel(replies), sandbox="restricted", journal=folder / "j.db", secret=SECRET, tenant=tenant)


@pytest.fixture
async def run_id(tmp_path: Path) -> str:
    return (await rlm(tmp_path, "alpha", "```repl\nvfs.write('a.txt', 'x')\nFINAL(1)\n```").arun("q", "the text")).run_id


WAYS: dict[str, Callable[[RecordedRun], Awaitable[Any]]] = {
    "resume": lambda run: run.aresume(),
    "replay": lambda run: run.areplay(),
    "branch": lambda run: run.abranch(1),
    "files": lambda run: run.afiles(),
}


@pytest.mark.parametrize("way", WAYS)
async def test_another_s_run_is_as_one_that_never_was(tmp_path: Path, run_id: str, way: str) -> None:
    omega, told = rlm(tmp_path, "omega"), []
    for asked in (run_id, NOBODY_S):
        with pytest.raises(ConfigError) as refused:
            await WAYS[way](omega.recorded(asked))
        told.append(str(refused.value).replace(asked, "ID"))
    assert told[0] == told[1] and "alpha" not in told[0]


async def test_another_s_runs_are_in_no_list_and_cannot_be_deleted(tmp_path: Path, run_id: str) -> None:
    with open_store(tmp_path / "j.db", tenant="omega") as store:
        assert store.journal.runs() == [] and store.journal.effects(run_id) == []
        with pytest.raises(LookupError):
            store.journal.delete_run(run_id)
    with open_store(tmp_path / "j.db", tenant="alpha") as store:
        assert [run.run_id for run in store.journal.runs()] == [run_id]


async def test_another_s_threads_are_in_no_list(tmp_path: Path) -> None:
    await rlm(tmp_path, "alpha").thread("plans").aupload({"a.txt": "one"})
    with place_of(tmp_path / "j.db", "omega", SECRET).threads() as threads:
        assert threads.all() == []
    with place_of(tmp_path / "j.db", "alpha", SECRET).threads() as threads:
        assert [thread.name for thread in threads.all()] == ["plans"]


async def test_nobody_learns_whether_another_has_kept_the_same_bytes(tmp_path: Path) -> None:
    with open_store(tmp_path / "j.db", tenant="alpha", key=b"a" * 32) as store:
        blob = store.blobs.put(b"the same", kind="context", owner="run:1", name="context")
    with open_store(tmp_path / "j.db", tenant="omega", key=b"o" * 32) as store:
        told = []
        for asked in (blob, "0" * 64):
            for ask in (store.blobs.get, lambda one: store.blobs.link("run:1", "context", one)):
                with pytest.raises(StoreError) as refused:
                    ask(asked)
                told.append(str(refused.value).replace(asked[:12], "ID"))
        assert told[:2] == told[2:]
        assert store.blobs.put(b"the same", kind="context", owner="run:1", name="context") == blob
        tags = store.database.rows("SELECT tag FROM blobs WHERE blob = ?", (blob,))
        assert len({tag for (tag,) in tags}) == 2


async def test_a_model_that_remembers_for_one_tenant_serves_no_other(tmp_path: Path) -> None:
    known = SemanticModel(ScriptedModel(["x"]), SemanticCache(FileCache(tmp_path), lambda text: [1.0]), tenant="alpha")
    RLM(known, journal=":memory:", tenant="alpha")
    with pytest.raises(ConfigError, match="remembers for another tenant"):
        RLM(known, journal=":memory:", tenant="omega")
    with pytest.raises(ConfigError, match="remembers for another tenant"):
        RLM(ScriptedModel(), sub_model=known, journal=":memory:", tenant="omega")


def test_a_seed_follows_from_the_tenant_and_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    other = b"of another deployment, also 32 bytes"
    assert len({tenant_seed(tenant, secret) for tenant in ("alpha", "omega") for secret in (SECRET, other, None)}) == 6
    assert tenant_seed("alpha") == tenant_seed("alpha") < 2**SEED_BITS
    monkeypatch.setenv("CELLBLOCK_SECRET_FILE", "/dev/null/there-is-no-place")
    assert tenant_seed("alpha") == tenant_seed("alpha") != tenant_seed("omega"), "where no secret can be kept"
    with pytest.raises(ConfigError, match="32 bytes"):
        tenant_seed("alpha", b"short")


DRAWN = "import random\nprint(random.random(), random.Random().random())"


async def test_what_is_drawn_without_a_seed_is_the_tenant_s_own_each_time(sandbox: str) -> None:
    drawn = []
    for tenant, seed in (("alpha", None), ("alpha", None), ("omega", None), ("omega", 7), ("alpha", 7)):
        async with await open_session(sandbox, tenant=tenant, seed=seed) as session:
            drawn.append((await session.exec(DRAWN)).stdout.split())
    alpha, again, omega, given, same = drawn
    assert alpha == again and given == same
    assert len({*alpha, *omega, *given}) == 6


async def test_a_state_that_is_gone_on_with_goes_on_drawing(sandbox: str) -> None:
    async with await open_session(sandbox, tenant="alpha", seed=7) as session:
        first = (await session.exec(DRAWN)).stdout
        state = await session.dump()
        expected = (await session.exec(DRAWN)).stdout
    async with await open_session(sandbox, tenant="alpha", seed=8, snapshot=state) as session:
        assert (await session.exec(DRAWN)).stdout == expected != first


@pytest.mark.parametrize("tenant", ["", None, 7])
async def test_nobody_is_no_tenant(tenant: Any) -> None:
    with pytest.raises((ConfigError, SandboxError), match="tenant="):
        await open_session(tenant=tenant)
