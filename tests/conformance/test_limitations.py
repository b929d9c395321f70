"""What a sandbox says about its limitations is complete, and what it advises works there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from case_sessions import run_case
from declared import declared_differences, limitations, table_of

from cases import PRE_IMPORTED, parse, problems
from cellblock.repl.session import open_session

CASE_ID = re.compile(r"`([a-z]+/\w+)`")


def test_every_declared_difference_is_explained_with_an_alternative(sandbox: str) -> None:
    explained = {case for section in limitations(sandbox) if section.blocks for case in CASE_ID.findall(section.text)}
    assert not set(declared_differences(sandbox)) - explained


def test_no_limitation_names_a_case_that_passes(sandbox: str) -> None:
    named = {case for section in limitations(sandbox) for case in CASE_ID.findall(section.text)}
    assert not named - set(declared_differences(sandbox))


@pytest.mark.anyio
async def test_every_alternative_works(sandbox: str) -> None:
    for section in limitations(sandbox):
        for block in section.blocks:
            case = parse(section.title, f"# {section.title}\n{block}" if not block.startswith("# ") else block)
            assert not problems(case, await run_case(sandbox, case)), section.title


@pytest.mark.anyio
async def test_every_module_of_the_prompt_can_be_imported(sandbox: str) -> None:
    async with await open_session(sandbox) as session:
        for module in table_of(sandbox)["prompt"]["modules"]:
            result = await session.exec(f"import {module}")
            assert result.error is None, module


@pytest.mark.anyio
async def test_a_cell_that_opens_a_file_is_told_that_there_are_none(sandbox: str) -> None:
    async with await open_session(sandbox) as session:
        result = await session.exec("open('/etc/passwd')")
        assert result.error is not None
        assert "there are no files here: " in result.error.message


@pytest.mark.anyio
async def test_advice_on_a_missing_module_names_all_that_are_there(sandbox: str) -> None:
    async with await open_session(sandbox) as session:
        result = await session.exec("import no_such_module")
        assert result.error is not None
        _, lists_them, names = result.error.message.partition("modules in ")
        assert not lists_them or sorted(names.partition(": ")[2].split(", ")) == sorted(table_of(sandbox)["prompt"]["modules"])


@pytest.mark.anyio
async def test_the_prompt_says_which_modules_are_there_without_an_import(sandbox: str) -> None:
    said = table_of(sandbox)["prompt"]["python"].partition("Imported already: ")[2].partition(".")[0]
    assert tuple(said.split(", ")) == PRE_IMPORTED
    async with await open_session(sandbox) as session:
        for module in PRE_IMPORTED:
            assert (await session.exec(f"{module}")).error is None, module


def test_the_facts_are_complete(sandbox: str) -> None:
    table: dict[str, Any] = table_of(sandbox)
    kinds = {"name": str, "summary": str, "package": str, "soft_limits": bool, "forks": bool, "dump_share": float}
    assert {key: type(table.get(key)) for key in kinds} == kinds
    assert table["prompt"]["python"].strip() and table["prompt"]["modules"]
    for entry in table.get("advice", ()):
        assert set(entry) <= {"kind", "match", "say"}
        assert entry["match"] and entry["say"]
