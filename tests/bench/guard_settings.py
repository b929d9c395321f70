"""What `guards.py` compares: how the model goes wrong, and what each row of its table switches on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cellblock.engine.guards import Guards
from cellblock.engine.policies import Policy, load_policy
from cellblock.models import SimulatedModel
from cellblock.models.simulated.faults import Shares

PUBLISHED = Shares(final_misuse=0.08, final_plan=0.08, final_early=0.13, final_unfinished=0.13)
"""Published rates: .16 of misused final answers, here half of them a variable that nobody set and half of them a plan; .13 of answers
before the work is done, here without any cell, and once more after a first look where the work takes another one."""
OTHERS = Shares(
    syntax_error=0.03,
    name_error=0.05,
    final_text_literal=0.1,
    final_forgotten=0.1,
    final_beside_cell=0.05,
    prose_only=0.05,
    repeat_cell=0.05,
)
"""Nobody has published these: they are there so that every guard meets what it is for."""
HELD_UP = Shares(name_error=0.1, prose_only=0.1, repeat_cell=0.1, final_forgotten=0.1)
OFF = 10**6
FALLBACK = "print(peek(300))"
"""Gives no answer: all that a run gains by it is that its counters start again."""


def _bare(**changed: object) -> Policy:
    """No guard but those that are named."""
    off = {"forced_final": False, "invalid_response_limit": OFF, "loop_collapse_limit": OFF}
    return Policy(guards=Guards(**{**off, **changed}))  # type: ignore[arg-type]


BARE = "no guards"
Settings: TypeAlias = Mapping[str, Policy]
"""What a row switches on, by the row's name."""
ALL = Guards(
    require_repl_before_final=True,
    min_steps=2,
    repl_error_limit=3,
    fallback_code=FALLBACK,
    auto_finalize_var="final_answer",
    verifications=1,
)
DEMANDS: Settings = {
    "require_repl_before_final": _bare(require_repl_before_final=True),
    "require_subcall_before_final": _bare(require_subcall_before_final=True),
    "min_steps=2": _bare(min_steps=2),
    "min_steps=3": _bare(min_steps=3),
    "verifications=1": _bare(verifications=1),
    "depth_enforcement=strict": _bare(depth_enforcement="strict", require_min_depth=1, require_min_recursive_calls=1),
}
LIMITS: Settings = {
    "invalid_response_limit=2": _bare(invalid_response_limit=2),
    "invalid_response_limit=2, fallback_code": _bare(invalid_response_limit=2, fallback_code=FALLBACK),
    "repl_error_limit=2": _bare(repl_error_limit=2),
    "repl_error_limit=2, fallback_code": _bare(repl_error_limit=2, fallback_code=FALLBACK),
    "loop_collapse_limit=2": _bare(loop_collapse_limit=2),
    "loop_collapse_limit=3": _bare(loop_collapse_limit=3),
    "auto_finalize_var": _bare(auto_finalize_var="final_answer"),
    "forced_final": _bare(forced_final=True),
}
WHOLE: Settings = {"Guards(), the defaults": Policy(), "all together": Policy(guards=ALL)}
POLICIES: Settings = {f"policy {name}": load_policy(name) for name in ("format_strict", "depth_soft", "depth_strict", "format_plus_depth")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """How the model goes wrong."""

    title: str
    shares: Shares
    relapse: float
    """Share of the replies after a bad one that are as bad again."""
    steps: int
    """Replies that a run may take; without any fault two or three are enough."""
    settings: Settings
    """The one without guards comes first."""

    def of(self, seed: int) -> SimulatedModel:
        return SimulatedModel(seed, relapse=self.relapse, **self.shares)


HASTY = Model(
    title="A model that answers too early",
    shares=Shares(**PUBLISHED, **OTHERS),
    relapse=0.5,
    steps=6,
    settings={BARE: _bare(), **DEMANDS, **LIMITS, **POLICIES, **WHOLE},
)
STUCK = Model(
    title="A model that gets stuck",
    shares=HELD_UP,
    relapse=0.95,
    steps=12,
    settings={BARE: _bare(), **LIMITS, **WHOLE},
)
