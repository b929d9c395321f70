"""The audit's own steps find what they look for: each is shown a host that is broken on purpose."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cellblock import events
from cellblock.audit import orchestrator
from cellblock.audit.attempts import Step
from cellblock.audit.determinism import run_same
from cellblock.audit.evidence import Evidence
from cellblock.audit.liar import run_worker
from cellblock.limits import ExecLimits
from cellblock.models import Endpoint, Secret, keys
from cellblock.repl.wire import Wire

pytestmark = pytest.mark.anyio
LIMITS = ExecLimits(wall_seconds=0.5, memory_bytes=64 * 2**20)
HOSTILE = "\x1b]0;owned\x07\u2028\x9b2J\u202e [/bold]"


async def asked(step: Step) -> Evidence:
    return (await orchestrator.ask(step, sandbox="restricted", limits=LIMITS, canaries={})).look()


async def test_a_hostile_text_is_in_the_evidence_and_on_no_screen() -> None:
    evidence = await asked(Step(run=[f"```repl\nprint({HOSTILE!r})\n```", f"FINAL({HOSTILE})"], query=HOSTILE, settings={"thread": "t"}))
    assert evidence.unequal == [] and evidence.crashed == []
    assert evidence.answer == HOSTILE
    whats = {came.session for came in evidence.came}
    assert whats == {"A", "prompt", "trace", "screen"}
    shown = [came for came in evidence.came if came.session == "screen" and "owned" in came.text]
    assert {came.what.split(":")[0] for came in shown} == {"pipe", "terminal"}


async def test_a_trace_that_lets_it_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "json_escaped", lambda text: text)
    evidence = await asked(Step(run=["FINAL(1)"], query="a\u2028b\u202e"))
    assert any("line 1 of the trace holds U+2028, U+202E" in fault for fault in evidence.unequal)


async def test_a_key_that_leaves_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = {"model": "openai:gpt-5", "base_url": "@BASE@/v1"}
    step = Step(run=["```repl\nprint(llm_query('x'))\n```", "FINAL(1)"], settings={"provider": [{"says": "@AUTH@"}], "remote": remote})
    assert (await asked(step)).unequal == []
    monkeypatch.setattr(keys, "custom_endpoint", _careless)
    assert (await asked(step)).unequal == ["the key stands in: request"]


def _careless(base_url: str, api_key: str | None, *, auth: Any) -> Endpoint:
    return Endpoint(provider="openai", base_url=base_url, key=Secret(os.environ["OPENAI_API_KEY"]), auth=auth)


async def test_a_keyword_that_nobody_knows_is_refused() -> None:
    evidence = await asked(Step(run=["FINAL(1)"], settings={"run_id": "../x"}))
    assert evidence.answer is None and "unexpected keyword argument 'run_id'" in evidence.refused[0]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([{"hex": "ffffffff"}], "SandboxBroken"),
        ([{"silent": True}], "LimitExceeded"),
        ([{"exit": 0}], "InterpreterCrashed"),
        ([{"call": "wipe", "args": []}], "SandboxBroken"),
    ],
)
async def test_a_liar_ends_by_an_error_of_ours_and_another_session_goes_on(script: list[dict[str, Any]], error: str) -> None:
    evidence = await run_worker(Step(worker=script), sandbox="restricted", limits=LIMITS, canaries={})
    assert evidence.error is not None and evidence.error.startswith(error)
    assert evidence.crashed == [] and evidence.calls == 0
    assert all(timed.seconds < timed.allowed + 1 for timed in evidence.timed)


async def test_a_host_that_does_not_check_a_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(self: Wire, data: bytes) -> Any:
        raise KeyError("t")

    step = Step(worker=[{"frame": {"t": "done", "id": 1, "extra": 2}}])
    monkeypatch.setattr(Wire, "decode", trusting)
    with pytest.raises(KeyError):  # the honest session beside it fails at once
        await run_worker(step, sandbox="restricted", limits=LIMITS, canaries={})


async def test_what_differs_between_two_sessions_is_found() -> None:
    same = await run_same(Step(same="import random\nrandom.random()"), sandbox="restricted", limits=LIMITS, canaries={})
    other = await run_same(Step(same="str(lambda: 1)"), sandbox="restricted", limits=LIMITS, canaries={})
    assert same.unequal == [] and "differ" in other.unequal[0]
