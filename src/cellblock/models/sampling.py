"""Settings of how a model draws its words: which there are, what they may hold, and where a limit goes instead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from .redact import one_line

SAMPLING = ("temperature", "top_p", "seed", "stop")
"""What `complete(sampling=…)` takes."""
_STOPS, _STOP_CHARS = 16, 1_000

_TOKENS = "a limit: give RunLimits(tokens=…), or complete(max_tokens=…) for one answer"
_RETRIES = "no sampling: give Endpoint(retry=RetryPolicy(…))"
_TIME = "a limit: give Endpoint(timeout_seconds=…), or RunLimits(wall_seconds=…) for a run"
_RATES = "a limit: give Endpoint(rates=Rates(…)), or RunLimits(parallel_subcalls=…)"
_ELSEWHERE = {
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_tokens_to_sample"), _TOKENS),
    **dict.fromkeys(("max_total_tokens", "max_input_tokens", "max_sub_tokens", "max_root_tokens", "tokens", "num_predict"), _TOKENS),
    **dict.fromkeys(("timeout", "timeout_seconds", "request_timeout", "max_timeout", "wall_seconds"), _TIME),
    **dict.fromkeys(("retries", "max_retries", "num_retries", "retry"), _RETRIES),
    **dict.fromkeys(("max_cost", "max_budget", "max_budget_usd", "cost_usd"), "a limit: give RunLimits(cost_usd=…)"),
    **dict.fromkeys(("steps", "max_steps", "max_iterations", "max_turns"), "a limit: give RunLimits(steps=…)"),
    **dict.fromkeys(("depth", "max_depth"), "a limit: give RunLimits(depth=…)"),
    **dict.fromkeys(("parallel", "max_concurrency", "rpm", "tpm"), _RATES),
}


def checked_sampling(sampling: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings that are set, in a fixed order.

    Raises:
        ConfigError: a setting is not one of `SAMPLING` (a limit's right place is named), or its value makes no sense.
    """
    if sampling is not None and not isinstance(sampling, Mapping):
        raise ConfigError(f"sampling is a mapping such as {{'temperature': 0.2}}, not {type(sampling).__name__}")
    given = dict(sampling or {})
    for name in given:
        if name in _ELSEWHERE:
            raise ConfigError(f"sampling setting {name!r} is {_ELSEWHERE[name]}")
    unknown = sorted(repr(one_line(str(name), limit=50)) for name in given if name not in SAMPLING)
    if unknown:
        raise ConfigError(f"no sampling setting {', '.join(unknown)[:200]}; known: {', '.join(SAMPLING)}")
    return {name: _value(name, given[name]) for name in SAMPLING if given.get(name) is not None}


def _value(name: str, value: object) -> object:
    if name == "stop":
        return _stops(value)
    kinds = int if name == "seed" else (int, float)
    # A whole number may be longer than any float, and than any provider reads.
    if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) < 2**63 or not math.isfinite(value):
        raise ConfigError(f"sampling {name}={str(value)[:50]}: a finite {'whole ' if name == 'seed' else ''}number is needed")
    return value


def _stops(value: object) -> object:
    texts = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
    if not 0 < len(texts) <= _STOPS or not all(isinstance(text, str) and 0 < len(text) <= _STOP_CHARS for text in texts):
        raise ConfigError(f"sampling stop={str(value)[:50]!r}: a text or a list of at most {_STOPS} texts is needed, none empty")
    return value if isinstance(value, str) else texts
