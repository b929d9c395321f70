"""Targets with a sandbox: cells, values and saved states in live sessions."""

from __future__ import annotations

import time
from typing import Any

import anyio
from ground import CANARY, LATE_SECONDS, LIMITS, PATIENT, TENANT_CANARY, Ground, Late
from hypothesis import strategies as st
from pure import same

from cellblock.errors import ConfigError, SandboxBroken, SandboxError, StoreError
from cellblock.repl.base import SavedState
from cellblock.repl.keys import tenant_key
from cellblock.repl.protocol import ExecResult
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import Session, open_session
from cellblock.repl.snapshot import seal, unseal
from cellblock.testing import cells, damaged, hostile_values, values
from cellblock.values import plain

KEPT = [41, "é", None]
SECRET = b"a secret that seals what is fuzzed"
SOURCES = st.lists(cells(names=("x", "y", "items"), externals=("llm_query", "lookup", "vfs__read")), min_size=1, max_size=3)
EVERYTHING = st.one_of(values(), values(), hostile_values())


# -- cells


def check_cells(ground: Ground, sources: list[str]) -> None:
    """Cells end in time, give away no secret, stall nothing, and leave a session that goes on with what the host put there."""
    _begin_tenant(ground)
    ground.wait(lambda: _cells(ground.sandbox, sources))


def _begin_tenant(ground: Ground) -> None:
    """Another tenant's session with a secret lives meanwhile."""

    async def begin() -> Session:
        session = await open_session(ground.sandbox, tenant="other", limits=PATIENT)
        await session.set("secret", TENANT_CANARY)
        return session

    if ground.session is None:
        ground.session = ground.wait(begin)


async def _cells(sandbox: str, sources: list[str]) -> None:
    heard: list[Any] = []

    async def llm_query(*args: Any, **kwargs: Any) -> str:
        heard.append((args, kwargs))
        return f"asked {len(heard)}"

    def lookup(*args: Any, **kwargs: Any) -> Any:
        heard.append((args, kwargs))
        return {"args": len(args), "items": [1, "é", None]}

    def read(path: str) -> str:
        raise FileNotFoundError(f"/home/{CANARY}/{path}")

    externals = {"llm_query": llm_query, "lookup": lookup, "vfs__read": read}
    async with await open_session(sandbox, externals=externals, limits=PATIENT) as session:
        await session.set("kept_by_host", KEPT)
        for source in sources:
            _check_result(await _ran(session, source), heard)
        assert await session.get("kept_by_host") == KEPT


async def _ran(session: Session, source: str) -> ExecResult:
    started = time.perf_counter()
    try:
        result = await session.exec(source, limits=LIMITS)
    except ConfigError as error:
        assert "cannot cross" in str(error)
        return ExecResult()
    if (taken := time.perf_counter() - started) > LIMITS.wall_seconds + LATE_SECONDS:
        raise Late(f"the cell took {taken:.2f} s")
    return result


def _check_result(result: ExecResult, heard: list[Any]) -> None:
    said = repr((result, heard))
    for secret in (CANARY, TENANT_CANARY):
        assert secret not in said, f"{secret} was seen"
    assert len(result.stdout) <= LIMITS.output_chars
    assert result.usage.host_calls <= 2 * LIMITS.host_calls


# -- values


def check_values(ground: Ground, value: Any) -> None:
    """A value goes into a session and out of it by every way that there is, and is the same; or it is refused, and the session goes on."""
    given: list[Any] = ground.state.setdefault("given", [])
    given[:] = [value]
    session = ground.opened(externals={"give": lambda: given[0], "take": given.append})
    try:
        _check_value(ground, session, value, given)
    except BaseException:
        ground.drop()
        raise


def _check_value(ground: Ground, session: Session, value: Any, given: list[Any]) -> None:
    try:
        expected = plain(value)
    except (TypeError, ValueError):
        ground.wait(lambda: _refused(session, value))
        return
    result, got = ground.wait(lambda: _crossed(session, expected))
    assert result.error is None, result.error
    assert same(got, expected), "get gives another value than set took"
    assert same(result.final, expected), "FINAL gives another value than the cell had"
    assert len(given) == 2 and same(given[1], expected), "a call has another argument than the cell gave it"


async def _crossed(session: Session, value: Any) -> tuple[ExecResult, Any]:
    await session.set("x", value)
    result = await session.exec("y = give()\ntake(y)\nFINAL(x)")
    return result, await session.get("y")


async def _refused(session: Session, value: Any) -> None:
    try:
        await session.set("x", value)
    except TypeError:
        pass
    else:
        raise AssertionError("a session took what is not plain")
    result = await session.exec("give()")
    assert result.error is not None and result.error.kind == "RuntimeError", result
    assert (await session.exec("1 + 1")).value_preview == "2"


# -- saved states


def state_examples(ground: Ground) -> st.SearchStrategy[bytes]:
    """A worker's saved state with damage: what a broken interpreter could have written."""

    async def dumped() -> bytes:
        async with await open_session(ground.sandbox, limits=PATIENT, snapshot_secret=SECRET) as session:
            await session.exec("x = [1, 'é', {'k': 2.5}]\ndef f(v):\n    return [v, x]\nclass A:\n    v = 1\na = A()")
            return bytes(await session.dump())

    if "state" not in ground.state:
        ground.state["state"] = bytes(unseal(ground.wait(dumped), find_sandbox(ground.sandbox), tenant_key("default", SECRET)))
    return damaged(ground.state["state"])


def check_state(ground: Ground, state: bytes) -> None:
    """A damaged state under a good seal is taken or refused; either way nothing else is harmed."""
    snapshot = seal(SavedState.holding(state), find_sandbox(ground.sandbox), tenant_key("default", SECRET))
    ground.wait(lambda: _opened(ground.sandbox, snapshot))


async def _opened(sandbox: str, snapshot: bytes) -> None:
    try:
        session = await open_session(sandbox, limits=PATIENT, snapshot=snapshot, snapshot_secret=SECRET)
    except (StoreError, SandboxBroken) as refused:
        assert "\n" not in str(refused)
        return
    async with session:
        try:
            with anyio.fail_after(2 * PATIENT.wall_seconds):
                await session.exec("x", limits=LIMITS)
                await session.exec("f(1)", limits=LIMITS)
                await session.dump()
        except (SandboxError, StoreError) as refused:
            assert "\n" not in str(refused)
