"""What is fuzzed: each target by name, with how its examples are made and what must hold for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
import live
import pure
from ground import Ground, shown
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from machine import Sessions, run_stories

Check = Callable[[Ground, Any], None]
Batch = Callable[[Ground, int, int], None]
"""Tries so many examples from a seed on; raises what an example raised, after it was made as small as it goes."""
_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that is fuzzed."""

    name: str
    attack_class: str
    """Of a find, in the corpus."""
    about: str
    run: Batch | None = None
    """None where coverage guides it, see `guided`."""
    check: Check | None = None
    """What `run` does with each of its examples; None where these cannot be given to it again."""
    sandboxed: bool = False
    batch: int = 100
    """Examples that come from one seed."""
    short: int = 100
    """Examples in the short run."""
    weight: float = 1.0
    """Its share of a long run's time, for each sandbox."""


class Example:
    """An example while Hypothesis holds it: printed by us, since some of them cannot be printed."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        """As far as it can be shown."""
        return shown(self.value)[:10_000]


def how(examples: int, **more: Any) -> settings:
    """Hypothesis as it is used here: nothing is kept between runs, nothing has a deadline, what takes long is measured by us."""
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def each(strategy: st.SearchStrategy[Any] | Callable[[Ground], st.SearchStrategy[Any]], check: Check) -> Batch:
    """A batch that checks example by example."""

    def run(ground: Ground, seed: int, examples: int) -> None:
        made = strategy(ground) if callable(strategy) else strategy

        @hypothesis.seed(seed)
        @how(examples)
        @given(made.map(Example))
        def one(example: Example) -> None:
            ground.trying(example.value)
            check(ground, example.value)

        one()

    return run


def machine(ground: Ground, seed: int, examples: int) -> None:
    """A batch of whole stories."""

    class Counted(Sessions):
        sandbox = ground.sandbox

        def __init__(self) -> None:
            super().__init__()
            ground.trying("a story of sessions")

    run_stories(hypothesis.seed(seed)(Counted), how(examples, stateful_step_count=20))


_PURE: dict[str, tuple[Check, str, str, float]] = {
    "frames": (pure.check_frame, "I", "what a worker writes, into the decoder", 1.0),
    "replies": (pure.check_reply, "H", "what a model replies, into the parser", 1.0),
    "paths": (pure.check_paths, "D", "paths of virtual files, and their export", 1.0),
    "snapshots": (pure.check_snapshot, "F", "damaged snapshots, which no interpreter may see", 0.5),
    "proxy": (pure.check_proxied, "C", "rewritten programs against plain CPython", 2.0),
}

TARGETS: dict[str, Target] = {
    **{
        name: Target(name=name, attack_class=kind, about=about, run=each(pure.STRATEGIES[name], check), check=check, weight=weight)
        for name, (check, kind, about, weight) in _PURE.items()
    },
    "values": Target(
        name="values",
        attack_class="B",
        about="values into a session and out of it, every way",
        run=each(live.EVERYTHING, live.check_values),
        check=live.check_values,
        sandboxed=True,
        batch=40,
        short=40,
    ),
    "cells": Target(
        name="cells",
        attack_class="A",
        about="ordinary and hostile cells in live sessions",
        run=each(live.SOURCES, live.check_cells),
        check=live.check_cells,
        sandboxed=True,
        batch=20,
        short=15,
        weight=3.0,
    ),
    "states": Target(
        name="states",
        attack_class="F",
        about="damaged states under a good seal, into interpreters",
        run=each(live.state_examples, live.check_state),
        check=live.check_state,
        sandboxed=True,
        batch=30,
        short=10,
    ),
    "machine": Target(
        name="machine",
        attack_class="G",
        about="sessions, forks, dumps, kills and tenants in any order",
        run=machine,
        sandboxed=True,
        batch=5,
        short=2,
        weight=3.0,
    ),
    "decoder": Target(name="decoder", attack_class="I", about="the frame decoder, guided by coverage", short=20_000, weight=2.0),
    "parser": Target(name="parser", attack_class="H", about="the reply parser, guided by coverage", short=5_000, weight=2.0),
}
