"""What hostile cells may not get out of the tools. Run: `pytest examples/isolation`."""

import pytest
from shop import note, price


@pytest.fixture
def repl(sandbox):
    return sandbox(tools=[price, note])


def test_a_note_is_read_by_its_name(repl):
    assert repl.exec("note('hours')").value_preview == "'Closed on Mondays.\\n'"


@pytest.mark.parametrize("name", ["{file}", "../../../../../..{file}", "hours/../../../..{file}", "file://{file}", "~/{file}"])
def test_a_path_is_no_name(repl, canaries, name):
    result = repl.exec(f"note({name.format(file=canaries.file)!r})")
    assert result.error is not None
    canaries.check(result)


def test_what_a_tool_raises_stays_here(repl, canaries):
    result = repl.exec("price('apple')")
    assert result.error is not None
    assert result.error.message == "price failed (KeyError)"
    canaries.check(result)
