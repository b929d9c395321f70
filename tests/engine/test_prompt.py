from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellblock.engine import observations, prompt
from cellblock.engine.prompt import Brief
from cellblock.repl.facts import PromptFacts
from cellblock.repl.protocol import ExecError, ExecResult
from cellblock.repl.registry import find_sandbox

BRIEF = Brief(question="Who {0} %s?", num_chars=1234, num_documents=2, sample="Once {x}")


def test_the_first_user_message_has_the_fixed_form() -> None:
    message = prompt.first_message(BRIEF)
    assert message.content == (
        "Question:\nWho {0} %s?\n\nContext: 1234 characters, 2 documents.\nStart of the context:\nOnce {x}\n\n"
        "Write the next cell, or give the final answer."
    )


def test_files_are_named_and_the_rest_counted() -> None:
    brief = Brief(question="q", num_chars=1, num_documents=3, file_names=("a.py", "b\n.py"), more_files=1)
    assert "\nFiles: a.py, b .py, ... (1 more)\nStart of the context:\n" in prompt.first_message(brief).content


def test_the_last_step_is_announced() -> None:
    announcement = "This is the last step: answer now with FINAL(...)\n"
    assert announcement in prompt.first_message(BRIEF, last_step=True).content
    assert announcement in prompt.next_message(["note"], last_step=True).content


def test_the_system_message_starts_with_the_fixed_line_and_tells_names_and_limitations() -> None:
    facts = PromptFacts(python="No yield.", modules=("re", "json"))
    text = prompt.system_message(Brief(question="q", num_chars=1, num_documents=1, python=facts)).content
    assert text.splitlines()[0] == "You answer a question about a context by writing Python cells for a REPL."
    assert all(name in text for name in ("P:", "ctx", "llm_query(", "rlm_query(", "FINAL_VAR", "No yield.", "Modules: re, json."))


def test_only_the_externals_that_there_are_are_told() -> None:
    text = prompt.system_message(Brief(question="q", num_chars=1, num_documents=1, externals=("llm_query",))).content
    assert "llm_query(" in text and "llm_query_batched(" not in text and "rlm_query(" not in text


@pytest.mark.parametrize("sandbox", ["monty", "restricted", "wasi"])
def test_the_prompt_tells_what_the_sandboxs_own_description_says(sandbox: str) -> None:
    facts = find_sandbox(sandbox).facts
    brief = Brief(question="q", num_chars=1, num_documents=1, python=facts.prompt, soft_limits=facts.soft_limits)
    text = prompt.system_message(brief).content
    assert facts.prompt.python.strip() in text and all(module in text for module in facts.prompt.modules)
    assert ("keeps what it did so far" in text) == (sandbox != "monty")


def test_no_child_runs_are_offered_where_there_are_none() -> None:
    assert "rlm_query" not in prompt.system_message(Brief(question="q", num_chars=1, num_documents=1, children=False)).content


def test_a_long_sample_is_cut() -> None:
    content = prompt.first_message(Brief(question="q", num_chars=9, num_documents=1, sample="z" * 9_000)).content
    assert content.count("z") == 500


def test_a_silent_cell_shows_its_changed_variables() -> None:
    assert observations.observation(3, ExecResult(changed=("a", "b"))) == "Output of cell 3:\n(no output) Changed variables: a, b"


def test_an_error_tells_its_line_its_limit_and_whether_the_state_survived() -> None:
    error = ExecError(kind="LimitExceeded", message="wall_seconds=1 exceeded", line=4, limit="wall_seconds")
    text = observations.observation(1, ExecResult(stdout="so far\n", error=error, state="rolled_back"))
    assert text == (
        "Output of cell 1:\nso far\nError: LimitExceeded: wall_seconds=1 exceeded (line 4)\n"
        "The cell was stopped by its limit wall_seconds.\nThe variables are as they were before this cell; files are as it left them."
    )


@given(st.text(max_size=300), st.integers(min_value=1, max_value=200))
def test_clipping_keeps_head_and_tail_and_counts_the_rest(text: str, limit: int) -> None:
    clipped = observations.clip(text, limit)
    if len(text) <= limit:
        assert clipped == text
    else:
        head, tail = limit * 2 // 3, limit - limit * 2 // 3
        assert clipped == f"{text[:head]}\n[... {len(text) - limit} characters left out ...]\n{text[len(text) - tail :]}"


@pytest.mark.parametrize("compact", [False, True])
def test_models_that_a_cell_may_name_are_told(compact: bool) -> None:
    settings = prompt.PromptSettings(compact=compact)
    told = prompt.system_message(Brief(question="q", num_chars=3, num_documents=1, models=("fast", "careful"), settings=settings)).content
    assert "model=...) also takes these models: fast, careful." in told
    assert "also takes" not in prompt.system_message(Brief(question="q", num_chars=3, num_documents=1, settings=settings)).content
