"""An answer is drawn without being interpreted."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cellblock.cli.answers import MOST_ROWS, drawn


def shown(text, width=60):
    screen = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    screen.print(drawn(text))
    return screen.file.getvalue()


def test_a_pipe_table_becomes_columns_and_the_text_around_it_stays():
    lines = shown("before\n\n| module | n |\n|---|--:|\n| a | 1 |\n| long.name | 22 |\n\nafter").splitlines()
    assert [line.rstrip() for line in lines] == ["before", "", "module     n", "a          1", "long.name  22", "", "after"]


def test_a_line_with_pipes_alone_is_no_table():
    assert shown("| a | b |\n| c | d |") == "| a | b |\n| c | d |\n"


def test_markup_and_links_in_an_answer_are_shown_as_they_stand():
    text = "[bold]x[/bold] [y](http://z) :smile:"
    assert shown(f"{text}\n\n| {text} |\n|---|").count(text) == 2


def test_a_table_that_nobody_would_read_is_shown_as_it_stands():
    table = "| a |\n|---|\n" + "| 1 |\n" * (MOST_ROWS + 1)
    assert shown(table).startswith("| a |\n|---|")


@given(st.lists(st.sampled_from(["|", "-", "a", " ", "\n", "| a | b |\n", "|---|\n", "||\n", ":"])).map("".join))
def test_any_arrangement_of_pipes_can_be_drawn_and_keeps_its_letters(text):
    assert shown(text, width=400).count("a") <= text.count("a")
    assert ("a" in text) == ("a" in shown(text, width=400)) or "|" in text
