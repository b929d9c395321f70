"""What it takes to go on with a long run, and to replay it: a run of 1,000 effects, most of them sub-calls and cells."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from figures import Figure

from cellblock import RLM, RunLimits, ScriptedModel
from cellblock.errors import ModelUnavailable
from cellblock.store.journal import Journal

STEPS, CALLS = 100, 8
EFFECTS = STEPS * (CALLS + 2)
ROUNDS = 3
SECRET = b"a secret of a benchmark, at least 32 bytes"


async def resume() -> AsyncIterator[Figure]:
    """A run that was cut off after 1,000 effects goes on: what is on record is recalled, its cells run again, one more ends it.

    Floor: reading its rows.
    """
    taken, floors = [], []
    for sandbox in ("monty", "restricted"):
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "journal.db"
                run_id = await _cut_off(place, sandbox)
                floors.append(_reading(place, run_id))
                last = _rlm(ScriptedModel(["```repl\nFINAL(sum(map(len, kept)))\n```"]), place, sandbox)
                started = time.perf_counter()
                result = await last.aresume(run_id)
                taken.append(time.perf_counter() - started)
                assert result.value == STEPS * CALLS, result.error
        yield Figure(name=f"resume after {EFFECTS} effects, {sandbox}", value=min(taken), unit="s", floor=min(floors), target=1.0)
        taken.clear()


async def replay() -> AsyncIterator[Figure]:
    """The same run replayed: every cell runs again, every effect is compared. Floor: the rate at which it ran."""
    for sandbox in ("monty", "restricted"):
        rates, ran = [], []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "journal.db"
                started = time.perf_counter()
                run_id = await _cut_off(place, sandbox)
                ran.append(EFFECTS / (time.perf_counter() - started))
                again = await _rlm(ScriptedModel(), place, sandbox).recorded(run_id).areplay()
                assert again.same, again.difference
                rates.append(again.effects / again.seconds)
        yield Figure(name=f"replay, {sandbox}", value=max(rates), unit="effects/s", floor=max(ran), target=1_000.0, higher_is_better=True)


def _rlm(model: ScriptedModel, place: Path, sandbox: str) -> RLM:
    limits = RunLimits(steps=STEPS + 5, subcalls=10 * EFFECTS)
    return RLM(model, sub_model=lambda prompt: "ok", sandbox=sandbox, journal=place, limits=limits, secret=SECRET)


async def _cut_off(place: Path, sandbox: str) -> str:
    code = f"kept.append(llm_query_batched([str(len(kept)) + '/' + str(i) for i in range({CALLS})]))"
    cells = ["```repl\nkept = []\n" + code + "\n```", *(f"```repl\n{code}\nlast = {number}\n```" for number in range(1, STEPS))]
    try:
        await _rlm(ScriptedModel([*cells, ModelUnavailable("cut off here")]), place, sandbox).arun("How many?", "some text")
    except ModelUnavailable:
        with Journal(place) as journal:
            return journal.runs()[-1].run_id
    raise AssertionError("it was not cut off")


def _reading(place: Path, run_id: str) -> float:
    with Journal(place) as journal:
        started = time.perf_counter()
        assert len(journal.effects(run_id)) == EFFECTS + 1
        return time.perf_counter() - started
