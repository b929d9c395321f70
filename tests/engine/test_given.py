"""Wrong arguments are refused where they are given, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellblock.engine.guards import Guards
from cellblock.engine.history import History
from cellblock.engine.prompt import PromptSettings
from cellblock.engine.router import Router
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError
from cellblock.limits import ExecLimits, RunLimits
from cellblock.models import ScriptedModel

WRONG: list[tuple[str, Any]] = [
    ("sandbox", 3),
    ("limits", {}),
    ("limits", ExecLimits()),
    ("exec_limits", RunLimits()),
    ("guards", {}),
    ("prompt", "be nice"),
    ("history", True),
    ("policy", {}),
    ("tools", print),
    ("tools", "abc"),
    ("child_tools", 3),
    ("journal", 3),
    ("cache", 3),
    ("tenant", 3),
    ("tenant", ""),
    ("seed", "1"),
    ("seed", True),
    ("prices", [1]),
    ("prices", {"scripted": 1}),
    ("allow_weak_isolation", "no"),
    *((name, None) for name in ("sandbox", "tenant", "allow_weak_isolation")),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_of_the_wrong_kind_is_refused_at_once(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        RLM(ScriptedModel(), **{name: value})
    assert "needed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tools_in_a_mapping_are_refused_as_such() -> None:
    with pytest.raises(ConfigError, match="a list of functions is needed"):
        RLM(ScriptedModel(), tools={"now": print})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Guards, {"require_repl_before_final": "false"}),
        (Guards, {"forced_final": 0}),
        (Guards, {"fallback_code": 5}),
        (PromptSettings, {"compact": "yes"}),
        (PromptSettings, {"system_prompt": 3}),
        (PromptSettings, {"supplements": "one text"}),
        (PromptSettings, {"supplements": (1,)}),
        (PromptSettings, {"sample_chars": 1.5}),
        (PromptSettings, {"sample_chars": -1}),
        (PromptSettings, {"context_brief": "always"}),
        (History, {"keep_turns": "no"}),
        (History, {"compact_at": True}),
        (History, {"max_history_tokens": "many"}),
    ],
)
def test_settings_of_the_wrong_kind_are_refused(kind: type, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        kind(**settings)


def test_an_rlm_says_what_it_is() -> None:
    assert repr(RLM(ScriptedModel(name="mine"), sandbox="wasi")) == "<RLM: mine on wasi>"


def test_a_router_needs_an_rlm() -> None:
    with pytest.raises(ConfigError, match=r"such as Router\(RLM\('simulated'\)\)"):
        Router("simulated")  # type: ignore[arg-type]


def test_a_file_as_a_policys_name_is_told_how_to_be_given() -> None:
    with pytest.raises(ConfigError, match=r"give Path\('careful.json'\)"):
        RLM(ScriptedModel(), policy="careful.json")


def test_an_unknown_setting_in_a_policy_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"mine": {"guards": {"min_stepps": 2}}}')
    with pytest.raises(ConfigError, match="no setting 'min_stepps' in Guards"):
        RLM(ScriptedModel(), policy=path)
