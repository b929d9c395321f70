from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cellblock.repl import registry
from cellblock.repl.guests import GuestSpec
from cellblock.repl.session import Session, open_session
from cellblock.repl.zygote import close_all

# Every test has an empty home, and the compiled guest of the wasi sandbox would lie in it: it has a place of its own instead, which
# `.ci/test` fills by `cellblock prepare wasi`.
os.environ.setdefault("CELLBLOCK_CACHE", str(Path(__file__).parents[1] / ".cache" / "cellblock"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def empty_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own files, or sees the user's keys."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for variable in [name for name in os.environ if name.startswith("XDG_") or name.endswith(("_API_KEY", "_TOKEN"))]:
        monkeypatch.delenv(variable)
    return home


@pytest.fixture(scope="session", autouse=True)
def _no_worker_outlives_the_tests() -> Iterator[None]:
    yield
    close_all()


SANDBOXES = ("monty", "restricted", "wasi")


@pytest.fixture(params=SANDBOXES)
def sandbox(request: pytest.FixtureRequest) -> str:
    """The name of each sandbox in turn."""
    name: str = request.param
    return name


@pytest.fixture
async def repl(sandbox: str) -> AsyncIterator[Session]:
    """A session of each sandbox in turn."""
    async with await open_session(sandbox, clock=1_700_000_000.0) as session:
        yield session


@pytest.fixture
def naked(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a sandbox whose cells are native code: plain CPython, behind the jail alone."""
    spec = GuestSpec.from_folder(Path(__file__).parents[1] / "sandboxes" / "naked")
    monkeypatch.setitem(registry._BUILT_IN, "naked", lambda: spec)
    yield "naked"
    close_all()
