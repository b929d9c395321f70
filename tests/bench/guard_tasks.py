"""Seeded questions whose answer is known: needles, lines, labels, a ledger. Small contexts, so that hundreds of runs take a minute."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from cellblock.models.simulated import LEXICON

KINDS = ("needles", "lines", "labels", "ledger")
FILLERS = (
    "The grass is green and the sky is blue.",
    "A cart went by, and nobody looked up.",
    "It rained until noon; then the wind turned.",
    "Here we go, there and back again.",
    "The clerk wrote a letter and did not send it.",
)
NAMES = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "garnet", "heron", "iris", "juniper", "kelp", "larch")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    kind: str
    question: str
    context: str
    truth: str


def tasks_of(count: int, seed: int, kinds: tuple[str, ...] = KINDS) -> list[Task]:
    """`count` tasks, the kinds in turn. The first ones are the same whatever the count."""
    return [_MAKERS[kinds[number % len(kinds)]](random.Random(f"{seed}/{number}")) for number in range(count)]


def _needles(rng: random.Random) -> Task:
    key, other = (f"{name}-{rng.randrange(1000)}" for name in rng.sample(NAMES, 2))
    numbers = [str(rng.randrange(10_000, 10_000_000)) for _ in range(rng.randint(1, 4))]
    lines = [f"One of the special magic numbers for {key} is: {number}." for number in numbers]
    lines += [f"One of the special magic numbers for {other} is: {rng.randrange(10**7)}."]
    lines += rng.choices(FILLERS, k=rng.randint(40, 80))
    rng.shuffle(lines)
    ordered = sorted(numbers, key=lambda number: next(at for at, line in enumerate(lines) if line.endswith(f"{key} is: {number}.")))
    question = f"What are all the special magic numbers for {key}?"
    return Task(kind="needles", question=question, context="\n".join(lines), truth=", ".join(dict.fromkeys(ordered)))


def _lines(rng: random.Random) -> Task:
    word = f"{rng.choice(NAMES)} {rng.randrange(100, 1000)}"
    hits = rng.randint(20, 60)
    lines = [f"{rng.choice(FILLERS)} {word} {word if rng.random() < 0.3 else ''}" for _ in range(hits)]
    lines += rng.choices(FILLERS, k=rng.randint(20, 60))
    rng.shuffle(lines)
    return Task(kind="lines", question=f"How many lines contain '{word}'?", context="\n".join(lines), truth=str(hits))


def _labels(rng: random.Random) -> Task:
    labels = rng.sample(sorted(LEXICON), 3)
    most, count = rng.choice(labels), rng.randint(40, 80)
    drawn = [most if rng.random() < 0.3 else rng.choice(labels) for _ in range(count)]
    rows = [f"Date: Jan 0{rng.randint(1, 9)}, 2023 || User: {rng.randrange(90)} || Instance: {_phrase(label, rng)}" for label in drawn]
    counts = Counter(drawn).most_common()
    head = f"Each row has the form Date || User || Instance. Labels: {', '.join(labels)}. "
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        label, hits = counts[0]
        return Task(kind="labels", question=f"{head}How many instances have the label '{label}'?", context="\n".join(rows), truth=str(hits))
    return Task(kind="labels", question=f"{head}What is the most frequent label?", context="\n".join(rows), truth=counts[0][0])


def _phrase(label: str, rng: random.Random) -> str:
    return f"{rng.choice(LEXICON[label])} the {rng.choice(NAMES)} dragon"


def _ledger(rng: random.Random) -> Task:
    entries = [(rng.choice(("deposit", "withdrawal")), Decimal(rng.randrange(1, 10**6)) / 100) for _ in range(rng.randint(30, 60))]
    lines = [f"2024-{1 + number // 28:02d}-{1 + number % 28:02d} {kind} {amount:.2f} memo" for number, (kind, amount) in enumerate(entries)]
    balance = sum((amount if kind == "deposit" else -amount for kind, amount in entries), Decimal(0))
    owner = rng.choice(NAMES)
    question = f"What is the balance of the ledger of {owner} at the end?"
    return Task(kind="ledger", question=question, context="\n".join(lines), truth=f"{balance:.2f}")


_MAKERS: dict[str, Callable[[random.Random], Task]] = {"needles": _needles, "lines": _lines, "labels": _labels, "ledger": _ledger}
