"""What a final answer must have behind it, and when a run gives up. Pure decisions over plain facts."""

from __future__ import annotations

import keyword
from collections.abc import Set
from dataclasses import dataclass, fields
from typing import Literal

from ..errors import ConfigError
from ..limits import RunLimits, check_type
from ..values import Value
from .finals import TextFinal
from .parse import Parsed

MAX_NAME_CHARS = 200
REJECT_CHARS = 100_000
"""Of a variable's text, as far as `auto_finalize_reject_patterns` are looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guards:
    """What a final answer must have behind it, and when a run gives up. Every refusal is explained to the model.

    Child runs keep the limits on bad replies; what an answer must have behind it is asked of the root alone.

    Raises:
        ConfigError: a setting is out of range, or makes no sense without another one.
    """

    require_repl_before_final: bool = False
    """A cell must have run."""
    require_subcall_before_final: bool = False
    """A cell must have made a sub-call or a child run."""
    min_steps: int = 1
    """Replies before an answer is taken."""
    invalid_response_limit: int = 3
    """Replies in a row with neither a cell nor a final answer, after which the loop gives up."""
    repl_error_limit: int | None = None
    """Cells in a row that failed, after which the loop gives up; None goes on to the last step."""
    loop_collapse_limit: int = 5
    """Replies in a row with the same cells and the same output, after which the loop gives up."""
    fallback_code: str | None = None
    """A cell of yours that runs once where the loop would give up. If it gives no final answer, the loop goes on."""
    auto_finalize_var: str | None = None
    """The answer is ready as soon as a cell has set this variable to something that the next two settings accept."""
    auto_finalize_min_length: int = 1
    """Characters of its text."""
    auto_finalize_reject_patterns: tuple[str, ...] = ()
    """Texts that it must not hold, whatever their case. No regular expressions: what a guest made is not searched with them here."""
    depth_enforcement: Literal["off", "soft", "strict"] = "off"
    """What becomes of the next two: nothing, a line in the prompt, or also a refused answer and a failure at the last step."""
    require_min_depth: int = 0
    """Depth that child runs must have reached."""
    require_min_recursive_calls: int = 0
    """Child runs that the run must have opened."""
    forced_final: bool = True
    """After the last step the model is asked once more, for an answer alone."""
    verifications: int = 0
    """Independent checks by the verifier that an answer must pass; 0 asks for none, 2 judges by the evidence and works it out anew."""
    verifier_rejections: int = 2
    """Answers that the verifier may turn down; the next one is taken, marked as not verified."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is None and name == "repl_error_limit":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name}={value!r}: a whole number of at least {least} is needed")
        for name in ("require_repl_before_final", "require_subcall_before_final", "forced_final"):
            check_type(name, getattr(self, name), bool)
        if self.fallback_code is not None:
            check_type("fallback_code", self.fallback_code, str)
        if self.depth_enforcement not in ("off", "soft", "strict"):
            raise ConfigError(f"depth_enforcement={self.depth_enforcement!r}: use off, soft or strict")
        variable = self.auto_finalize_var
        if variable is not None and not is_variable_name(variable):
            raise ConfigError(f"auto_finalize_var={str(variable)[:50]!r}: the name of one variable is needed")
        if variable is None and self.auto_finalize_reject_patterns:
            raise ConfigError("auto_finalize_reject_patterns without auto_finalize_var: name the variable that they are for")
        patterns = self.auto_finalize_reject_patterns
        if isinstance(patterns, str) or not all(isinstance(text, str) and text for text in patterns):
            raise ConfigError("auto_finalize_reject_patterns: a tuple of texts that are not empty is needed")

    def check(self, limits: RunLimits) -> None:
        """Refuse settings that no run can satisfy.

        Raises:
            ConfigError: more steps, depth or child runs are demanded than `limits` allow.
        """
        if self.min_steps > limits.steps:
            raise ConfigError(f"min_steps={self.min_steps} with steps={limits.steps}: no answer could ever be taken; raise steps")
        if self.depth_enforcement == "off":
            if self.require_min_depth or self.require_min_recursive_calls:
                raise ConfigError("require_min_depth and require_min_recursive_calls need depth_enforcement='soft' or 'strict'")
            return
        if self.require_min_depth > limits.depth:
            raise ConfigError(f"require_min_depth={self.require_min_depth} with depth={limits.depth}: no run could get there; raise depth")
        if self.require_min_recursive_calls and limits.depth == 0:
            raise ConfigError(f"require_min_recursive_calls={self.require_min_recursive_calls} with depth=0: no child run may be opened")
        if self.require_min_recursive_calls > limits.subcalls:
            wanted = self.require_min_recursive_calls
            raise ConfigError(f"require_min_recursive_calls={wanted} with subcalls={limits.subcalls}: raise subcalls")

    def for_child(self) -> Guards:
        """What holds for child runs: the limits, not the root's demands."""
        kept = ("invalid_response_limit", "repl_error_limit", "loop_collapse_limit", "forced_final")
        return Guards(**{name: getattr(self, name) for name in kept})


_LEAST = {
    "min_steps": 1,
    "invalid_response_limit": 1,
    "repl_error_limit": 1,
    "loop_collapse_limit": 2,
    "auto_finalize_min_length": 0,
    "require_min_depth": 0,
    "require_min_recursive_calls": 0,
    "verifications": 0,
    "verifier_rejections": 0,
}
assert set(_LEAST) <= {field.name for field in fields(Guards)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What has happened in a run so far."""

    step: int
    cells: int = 0
    subcalls: int = 0
    children: int = 0
    deepest: int = 0


def refused_final(guards: Guards, facts: Facts) -> str | None:
    """Why a final answer is not taken now; None if it is."""
    if guards.require_repl_before_final and facts.cells == 0:
        return "no cell has run yet; look at the context with a ```repl cell before the final answer"
    if guards.require_subcall_before_final and facts.subcalls == 0:
        return "no sub-call was made yet; use llm_query, llm_query_batched or rlm_query in a cell before the final answer"
    if guards.depth_enforcement == "strict" and (missing := missing_depth(guards, facts)) is not None:
        return missing
    if facts.step < guards.min_steps:
        return f"this is reply {facts.step}, and an answer is taken from reply {guards.min_steps} on; check the answer with another cell"
    return None


def missing_depth(guards: Guards, facts: Facts) -> str | None:
    """What the run lacks in child runs; None if it has what is asked of it."""
    if facts.children < guards.require_min_recursive_calls:
        wanted = guards.require_min_recursive_calls
        return f"{facts.children} child runs were opened, and {wanted} are needed; give parts of the question to rlm_query in a cell"
    if facts.deepest < guards.require_min_depth:
        wanted = guards.require_min_depth
        return f"child runs reached depth {facts.deepest}, and depth {wanted} is needed; call rlm_query, and let the child call it"
    return None


def refused_text(final: TextFinal, *, by_name: bool, variables: Set[str]) -> str | None:
    """Why a text FINAL is not an answer as it stands; None if it is one.

    Args:
        by_name: the body is a variable's name.
        variables: names that cells have bound.
    """
    if by_name:
        return None if is_variable_name(final.body) else "FINAL_VAR takes the name of one variable, such as FINAL_VAR(answer)"
    if final.empty:
        return 'FINAL was empty; write FINAL(your answer), or FINAL("") for an empty answer'
    if not final.quoted and final.body in variables:
        return f"FINAL({final.body}) in the text is the word itself; write FINAL_VAR({final.body}) for the variable, or quote the word"
    return None


def is_variable_name(text: object) -> bool:
    """Whether it can be the name of one variable."""
    return isinstance(text, str) and len(text) <= MAX_NAME_CHARS and text.isidentifier() and not keyword.iskeyword(text)


def ready(guards: Guards, value: Value, text: str) -> bool:
    """Whether the variable of `auto_finalize_var` holds an answer.

    Args:
        text: of `value`.
    """
    if value is None or len(text.strip()) < guards.auto_finalize_min_length:
        return False
    folded = text[:REJECT_CHARS].casefold()
    return not any(pattern.casefold() in folded for pattern in guards.auto_finalize_reject_patterns)


def invalid_reply(parsed: Parsed) -> str:
    """What was wrong with a reply that holds neither a cell nor a final answer."""
    if parsed.unbalanced_final:
        return "FINAL( was never closed; write FINAL(your answer) with balanced parentheses, or FINAL: your answer"
    if parsed.tool_calls:
        return "there are no tools to call here; write Python in a ```repl fence, or give FINAL(your answer)"
    if not parsed.text:
        return "the reply was empty; write Python in a ```repl fence, or give FINAL(your answer)"
    return "the reply has neither a cell nor a final answer; write Python in a ```repl fence, or give FINAL(your answer)"
