"""Does each guard help? Seeded tasks with a known truth, a model that goes wrong at known rates, one guard at a time.

python tests/bench/guards.py [--tasks 300] [--seed 7] [--sandbox monty] [--only NAME] [--write]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent))

from guard_notes import OUTCOME, WHY
from guard_settings import BARE, HASTY, STUCK, Model
from guard_tasks import Task, tasks_of
from shares import sign_test, wilson

os.environ.setdefault("CELLBLOCK_CACHE", str(Path(__file__).parents[2] / ".cache" / "cellblock"))  # where .ci/test prepares it

from cellblock import RLM, RunLimits
from cellblock.engine.policies import Policy
from cellblock.models import SimulatedModel
from cellblock.repl.zygote import close_all

TABLE = Path(__file__).with_name("GUARDS.md")
SEED = 7
AT_ONCE = 4
CERTAIN = 0.05
ADMITTED = "No answer:"
"""How the simulated model's answer begins when it says that it has none."""


INTRO = """# Does each guard help?

Written by `python tests/bench/guards.py --write`: {setup}

The model is the simulated one, a program: it does the work without an error and goes wrong only where a fault is drawn, at the rates
below. So the tables say what a guard does about a fault that comes; how often it comes with a model of yours, they do not say. Every
row meets the same tasks, and the same faults as far as its runs have gone the same way.

- *right*: share of tasks whose answer is the truth, whatever the run says of itself; *95 %*: its Wilson interval.
- *wrong, told as right*: share with a wrong answer that nothing marks as one. The rest ended without an answer, and said so.
- *against no guards*: tasks that only this row got right, and that only the row without guards got right. *verdict*: by the exact sign
  test of these two, at 5 %.
- *model calls*, *steps*: means of a task; calls include sub-calls, child runs and the verifier's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """One run."""

    right: bool
    claimed: bool
    """The run gave an answer and took it for one; False also where the answer says that it is none, or the verifier that it is wrong."""
    calls: int
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """All tasks under one setting."""

    name: str
    done: tuple[Done, ...]

    @property
    def right(self) -> int:
        return sum(one.right for one in self.done)

    @property
    def wrong(self) -> int:
        """Answers that are not the truth, and that nothing marks as such: what harms whoever relies on them."""
        return sum(one.claimed and not one.right for one in self.done)

    def mean(self, field: str) -> float:
        return sum(getattr(one, field) for one in self.done) / len(self.done)

    def against(self, other: Row) -> tuple[int, int]:
        """Tasks that this row alone got right, and that the other alone got right."""
        pairs = [(mine.right, theirs.right) for mine, theirs in zip(self.done, other.done, strict=True)]
        return pairs.count((True, False)), pairs.count((False, True))


async def done_by(
    model: SimulatedModel, policy: Policy, tasks: Sequence[Task], *, sandbox: str = "monty", steps: int = 20
) -> tuple[Done, ...]:
    """Each task, in order."""
    rlm = RLM(model, sandbox=sandbox, policy=policy, limits=RunLimits(steps=steps), journal=":memory:")
    done: dict[int, Done] = {}
    places = anyio.CapacityLimiter(AT_ONCE)

    async def one(number: int, task: Task) -> None:
        async with places:
            result = await rlm.arun(task.question, task.context)
        answer = result.answer.strip()
        claimed = result.success and result.verified is not False and not answer.startswith(ADMITTED)
        done[number] = Done(right=answer == task.truth, claimed=claimed, calls=result.usage.calls, steps=result.steps)

    async with anyio.create_task_group() as group:
        for number, task in enumerate(tasks):
            group.start_soon(one, number, task)
    return tuple(done[number] for number in range(len(tasks)))


def verdict(row: Row, bare: Row) -> str:
    gained, lost = row.against(bare)
    if sign_test(gained, lost) < CERTAIN:
        return "helps" if gained > lost else "HURTS"
    return "no difference seen"


def table(rows: Sequence[Row]) -> str:
    head = ["setting", "right", "95 %", "wrong, told as right", "against no guards", "verdict", "model calls", "steps"]
    lines = [head, ["---"] * len(head), *(_cells(row, rows[0]) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row, bare: Row) -> list[str]:
    count = len(row.done)
    low, high = wilson(row.right, count)
    gained, lost = row.against(bare)
    compared = ["-", "-"] if row is bare else [f"+{gained} -{lost}", verdict(row, bare)]
    figures = [f"{row.right / count:.3f}", f"{low:.3f} to {high:.3f}", f"{row.wrong / count:.3f}", *compared]
    return [row.name, *figures, f"{row.mean('calls'):.2f}", f"{row.mean('steps'):.2f}"]


async def rows_of(model: Model, asked: argparse.Namespace) -> list[Row]:
    tasks, rows = tasks_of(asked.tasks, asked.seed), []
    for name, policy in model.settings.items():
        if asked.only is None or name.startswith((asked.only, BARE)):
            done = await done_by(model.of(asked.seed), policy, tasks, sandbox=asked.sandbox, steps=model.steps)
            rows.append(Row(name=name, done=done))
            print(f"{name}: {rows[-1].right} of {len(tasks)} right", file=sys.stderr, flush=True)
    return rows


def rates(model: Model) -> str:
    shares = ", ".join(f"{name} {share:g}" for name, share in model.shares.items())
    return f"Rates: {shares}; relapse {model.relapse:g}. At most {model.steps} replies."


def text_of(tables: Mapping[str, Sequence[Row]], asked: argparse.Namespace) -> str:
    """The whole file.

    Args:
        tables: rows by the title of their model.
    """
    setup = f"{asked.tasks} tasks a row, seed {asked.seed}, sandbox {asked.sandbox}."
    parts = [INTRO.replace("{setup}", setup), OUTCOME]
    for model in (HASTY, STUCK):
        parts += [f"## {model.title}", rates(model), table(tables[model.title])]
    notes = [f"- **{name}**: {why}" for name, why in WHY.items()]
    return "\n\n".join([*parts, "## What the rows show", "\n".join(notes)]) + "\n"


async def main(asked: argparse.Namespace) -> None:
    text = text_of({model.title: await rows_of(model, asked) for model in (HASTY, STUCK)}, asked)
    print(text)
    if asked.write:
        TABLE.write_text(text)
    close_all()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--sandbox", default="monty")
    parser.add_argument("--only", metavar="NAME", help="settings whose name begins so, beside the one without guards")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    asked = parser.parse_args()
    if asked.write and asked.only:
        parser.error("--write takes all settings; leave out --only")
    anyio.run(main, asked)
