from __future__ import annotations

import pydantic
import pytest

from cellblock.engine.router import PROFILES, Router
from cellblock.engine.run import RLM
from cellblock.errors import ConfigError
from cellblock.events import ModelAsked, RunStarted
from cellblock.models import ScriptedModel

pytestmark = pytest.mark.anyio


def router(*replies: str, **settings: object) -> tuple[Router, ScriptedModel]:
    model = ScriptedModel(replies)
    return Router(RLM(model, journal=":memory:"), **settings), model  # type: ignore[arg-type]


async def test_a_short_context_goes_into_one_call_whole() -> None:
    route, model = router("Paris")
    result = await route.arun("Where?", "It was in Paris.")
    assert (result.method, result.output, result.profile) == ("baseline", "Paris", "")
    assert model.calls[0].messages[1].content == "Question:\nWhere?\n\nContext:\nIt was in Paris."
    assert result.tokens_used == result.result.usage.input_tokens + result.result.usage.output_tokens > 0
    kinds = {type(event): event for event in result.result.trace}
    assert kinds[ModelAsked].role == "baseline_call"
    assert kinds[RunStarted].sandbox == "none"


@pytest.mark.parametrize(("chars", "method"), [(99, "baseline"), (100, "rlm")])
async def test_the_threshold_is_the_first_length_for_the_repl(chars: int, method: str) -> None:
    route, _ = router("FINAL(1)", baseline_threshold=100)
    assert (await route.arun("q", "x" * chars)).method == method


@pytest.mark.parametrize("name", PROFILES)
async def test_each_profile_says_how_to_work(name: str) -> None:
    route, model = router("```repl\nFINAL(llm_query('x'))\n```", "7", "VERIFIED", "VERIFIED", baseline_threshold=0, profile=name)
    result = await route.arun("q", "text")
    assert PROFILES[name].supplement in model.calls[0].messages[0].content
    assert (result.method, result.profile, result.output) == ("rlm", name, "7")


async def test_semantic_batches_refuse_an_answer_without_a_subcall() -> None:
    route, model = router("FINAL(guess)", "```repl\nFINAL(llm_query('x'))\n```", "sub", baseline_threshold=0, profile="SEMANTIC_BATCHES")
    assert (await route.arun("q", "text")).output == "sub"
    assert "no sub-call was made yet" in model.calls[1].prompt


async def test_verify_really_checks_twice() -> None:
    route, model = router(
        "FINAL(wrong)", "VERIFIED", "REJECTED: the rows say 8", "FINAL(8)", "VERIFIED", "VERIFIED", baseline_threshold=0, profile="VERIFY"
    )
    result = await route.arun("q", "text")
    assert (result.output, result.result.verified) == ("8", True)
    checks = [call.messages[0].content for call in model.calls if call.messages[0].content.startswith("You check an answer")]
    assert len(checks) == 4
    assert len(set(checks)) == 2


async def test_a_profile_may_be_named_with_the_question() -> None:
    route, model = router("FINAL(1)", baseline_threshold=0)
    assert (await route.arun("q", "text", profile="DETERMINISTIC_FIRST")).profile == "DETERMINISTIC_FIRST"
    assert PROFILES["HYBRID"].supplement not in model.calls[0].messages[0].content


async def test_a_direct_answer_has_to_be_of_its_type() -> None:
    class Place(pydantic.BaseModel):
        city: str

    route, model = router("Paris", '```json\n{"city": "Paris"}\n```')
    result = await route.arun("Where?", "It was in Paris.", output_type=Place)
    assert result.output == Place(city="Paris")
    assert "Refused: the answer does not fit" in model.calls[1].prompt


async def test_direct_answers_that_never_fit_are_a_failure_with_the_last_one() -> None:
    route, _ = router("a", "b", "c")
    result = (await route.arun("q", "text", output_type=int)).result
    assert (result.success, result.value, result.error) == (False, "c", "3 answers did not fit what was asked for")


async def test_a_model_that_writes_final_is_understood_directly_too() -> None:
    route, _ = router("FINAL(Paris)")
    assert (await route.arun("q", "text")).output == "Paris"


@pytest.mark.parametrize("settings", [{"profile": "FAST"}, {"baseline_threshold": -1}, {"baseline_threshold": 1.5}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings)).replace("profile", "known: DETERMINISTIC_FIRST")):
        router(**settings)


def test_a_router_works_without_an_event_loop() -> None:
    assert router("x")[0].run("q", "text").output == "x"
