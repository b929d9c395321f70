from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellblock.engine.guards import Guards
from cellblock.engine.history import History
from cellblock.engine.policies import Policy, load_policy
from cellblock.engine.prompt import PromptSettings
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError
from cellblock.models import ScriptedModel

NAMES = ["baseline", "format_strict", "depth_soft", "depth_strict", "format_plus_depth"]


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_that_comes_along_can_be_used(name: str) -> None:
    RLM(ScriptedModel(), policy=name)


def test_the_baseline_is_the_default() -> None:
    assert load_policy("baseline") == Policy()


def test_the_profiles_demand_what_their_names_say() -> None:
    assert load_policy("format_strict").guards.require_repl_before_final
    assert load_policy("depth_soft").guards.depth_enforcement == "soft"
    assert load_policy("depth_strict").guards.depth_enforcement == "strict"
    both = load_policy("format_plus_depth")
    assert both.guards.require_repl_before_final
    assert both.guards.depth_enforcement == "strict"
    assert both.prompt == load_policy("format_strict").prompt


def test_a_file_of_ones_own_gives_profiles(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"mine": {"guards": {"min_steps": 2}, "prompt": {"supplements": ["Be brief."]}, "history": {"keep_turns": False}}})
    )
    expected = Policy(guards=Guards(min_steps=2), prompt=PromptSettings(supplements=("Be brief.",)), history=History(keep_turns=False))
    assert load_policy("mine", path) == expected
    assert RLM(ScriptedModel(), policy=path).engine.settings.guards == Guards(min_steps=2)


def test_what_is_given_beside_a_policy_takes_its_place() -> None:
    rlm = RLM(ScriptedModel(), policy="format_strict", guards=Guards())
    assert rlm.engine.settings.guards == Guards()
    assert rlm.engine.settings.prompt.supplements


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "not an object of policies"),
        ("{", "not an object of policies"),
        ('{"other": {}}', "no policy named 'mine'; known: other"),
        ('{"mine": {"guard": {}}}', "no part 'guard' in a policy; known: guards, prompt, history"),
        ('{"mine": {"guards": {"min_step": 2}}}', "no setting 'min_step' in Guards; known: .*min_steps"),
        ('{"mine": {"guards": {"min_steps": 0}}}', "min_steps=0"),
        ('{"mine": {"prompt": []}}', "policy 'mine'"),
    ],
)
def test_a_file_that_is_wrong_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_policy("mine", path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_name_are_told() -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_policy("mine", Path("/nonexistent/mine.json"))
    with pytest.raises(ConfigError, match=r"no policy named 'x'; known: baseline, depth_soft"):
        RLM(ScriptedModel(), policy="x")


def test_a_policy_that_the_limits_cannot_satisfy_is_refused() -> None:
    from cellblock.limits import RunLimits

    with pytest.raises(ConfigError, match="require_min_depth=1 with depth=0"):
        RLM(ScriptedModel(), policy="depth_strict", limits=RunLimits(depth=0))
