"""The benchmark of guards, with few tasks: its tasks are true, its figures repeat, and misuse costs what the rates say."""

from __future__ import annotations

import pytest
from guard_notes import WHY
from guard_settings import BARE, HASTY, STUCK
from guard_tasks import KINDS, tasks_of
from guards import SEED, TABLE, Done, Row, done_by, rates, table, verdict
from shares import wilson

from cellblock.engine.guards import Guards
from cellblock.engine.policies import Policy
from cellblock.models import SimulatedModel

pytestmark = pytest.mark.anyio

NO_GUARDS = HASTY.settings[BARE]


def wrong_of(done: tuple[Done, ...]) -> int:
    return sum(not one.right for one in done)


def test_the_same_seed_makes_the_same_tasks_whatever_their_number():
    assert tasks_of(8, 3) == tasks_of(20, 3)[:8] != tasks_of(8, 4)
    assert [task.kind for task in tasks_of(8, 3)] == [*KINDS, *KINDS]


async def test_a_model_without_faults_is_right_in_every_task():
    done = await done_by(SimulatedModel(SEED), NO_GUARDS, tasks_of(32, SEED))

    assert wrong_of(done) == 0


async def test_the_figures_are_the_same_for_a_seed_and_others_for_another():
    tasks = tasks_of(24, SEED)

    first, again, other = [await done_by(HASTY.of(seed), NO_GUARDS, tasks, steps=HASTY.steps) for seed in (SEED, SEED, SEED + 1)]

    assert first == again != other


@pytest.mark.parametrize(("fault", "share"), [("final_plan", 0.16), ("final_early", 0.13), ("final_unfinished", 0.13)])
async def test_misuse_without_guards_costs_what_its_rate_says(fault: str, share: float):
    # A guess at a label may be right, and only the ledger takes a cell between the first look and the answer.
    kinds = ("ledger",) if fault == "final_unfinished" else ("needles", "lines", "ledger")
    model = SimulatedModel(SEED, **{fault: share})  # type: ignore[arg-type]

    wrong = wrong_of(await done_by(model, NO_GUARDS, tasks_of(150, SEED, kinds)))

    low, high = wilson(wrong, 150)
    assert low <= share <= high, (wrong, low, high)


@pytest.mark.parametrize(
    ("fault", "guards"),
    [
        ("final_plan", Guards(require_repl_before_final=True)),
        ("final_early", Guards(min_steps=2)),
        ("final_unfinished", Guards(verifications=1)),
    ],
)
async def test_the_guard_that_is_for_a_fault_makes_good_for_it(fault: str, guards: Guards):
    model = SimulatedModel(SEED, **{fault: 1.0})  # type: ignore[arg-type]
    tasks = tasks_of(8, SEED, ("ledger",))

    lost, kept = [await done_by(model, policy, tasks) for policy in (NO_GUARDS, Policy(guards=guards))]

    assert (wrong_of(lost), wrong_of(kept)) == (8, 0)


def rows(*patterns: str) -> list[Row]:
    """Rows of a table: `+` for a right answer, `-` for a wrong one, `?` for none."""
    return [
        Row(name=pattern, done=tuple(Done(right=mark == "+", claimed=mark != "?", calls=2, steps=1) for mark in pattern))
        for pattern in patterns
    ]


def test_a_verdict_needs_more_than_chance():
    bare, better, worse, same = rows("+" * 4 + "-" * 8, "+" * 12, "-" * 12, "+" * 5 + "-" * 7)

    assert [verdict(row, bare) for row in (better, same)] == ["helps", "no difference seen"]
    assert verdict(worse, better) == "HURTS"


def test_a_row_says_how_sure_its_share_is_and_what_was_told_as_right():
    bare, row = rows("-?--", "++-?")

    assert table([bare, row]).splitlines()[-1] == "| ++-? | 0.500 | 0.150 to 0.850 | 0.250 | +2 -0 | no difference seen | 2.00 | 1.00 |"


def test_the_written_table_is_of_these_settings_and_rates():
    text = TABLE.read_text()

    for model in (HASTY, STUCK):
        assert f"## {model.title}\n\n{rates(model)}\n" in text
        assert all(f"\n| {name} | 0." in text or f"\n| {name} | 1." in text for name in model.settings)
    assert f"300 tasks a row, seed {SEED}, sandbox monty." in text


def test_every_row_is_explained():
    assert set(WHY) == (set(HASTY.settings) | set(STUCK.settings)) - {BARE}
