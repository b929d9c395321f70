from __future__ import annotations

from pathlib import Path

import pytest

from cellblock.engine.roles import Models
from cellblock.engine.run import RLM
from cellblock.models import ScriptedModel
from cellblock.models.cache import FileCache, SemanticCache
from cellblock.models.cache.model import SemanticModel
from cellblock.models.protocol import Message

pytestmark = pytest.mark.anyio


def embed(text: str) -> list[float]:
    """Words alone: amounts make no difference, as with many real embeddings."""
    words = {"invoices": 0, "bills": 0, "over": 1, "above": 1, "which": 2, "paid": 3}
    vector = [0.1] * 4
    for word in text.lower().replace("?", "").split():
        if word in words:
            vector[words[word]] += 1.0
    return vector


def semantic(tmp_path: Path, *answers: str, tenant: str = "t") -> SemanticModel:
    return SemanticModel(ScriptedModel(answers), SemanticCache(FileCache(tmp_path), embed), tenant=tenant)


async def ask(model: SemanticModel, prompt: str) -> str:
    return (await model.complete([Message("user", prompt)])).text


async def test_a_prompt_in_other_words_finds_the_answer_for_nothing(tmp_path: Path) -> None:
    model = semantic(tmp_path, "first")
    assert await ask(model, "Which invoices are over 500?") == "first"
    again = await model.complete([Message("user", "Which bills are over 500?")])
    assert (again.text, again.usage.cost_usd, again.usage.input_tokens) == ("first", 0.0, 0)


async def test_fault_10_other_amounts_are_another_question(tmp_path: Path) -> None:
    model = semantic(tmp_path, "first", "second", "third")
    prompts = ["Which invoices are over $500?", "Which invoices are over $5000?", "Which invoices are not over $500?"]
    assert [await ask(model, prompt) for prompt in prompts] == ["first", "second", "third"]


async def test_other_turns_before_it_are_another_question(tmp_path: Path) -> None:
    model = semantic(tmp_path, "first", "second")
    assert await ask(model, "Which invoices are paid?") == "first"
    assert (await model.complete([Message("system", "Be rude."), Message("user", "Which invoices are paid?")])).text == "second"


async def test_only_the_calls_that_name_it_go_through_it(tmp_path: Path) -> None:
    code = "FINAL([llm_query('Which invoices are paid?', model='faq') for _ in range(2)] + [llm_query('Which invoices are paid?')])"
    models = Models(root=ScriptedModel([f"```repl\n{code}\n```"]), sub=ScriptedModel(["plain"]), named={"faq": semantic(tmp_path, "known")})
    result = await RLM(models, journal=":memory:", tenant="t").arun("q", "t")
    assert result.value == ["known", "known", "plain"]


async def test_a_store_that_fails_is_no_reason_for_a_call_to_fail(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    model = SemanticModel(ScriptedModel(["one", "two"]), SemanticCache(FileCache(tmp_path / "folder"), embed), tenant="t")
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").write_text("no folder any more")
    assert await ask(model, "Which invoices are paid?") == "one"
