"""The looks, drawn into memory."""

import io
from functools import reduce

import pytest
from rich.console import Console

from cellblock.cli import view
from cellblock.cli.board import Board, Row, fold

from . import events as e


def drawn(renderable, width=120):
    screen = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    screen.print(renderable)
    return screen.file.getvalue()


def busy():
    steps = [e.started(), e.asked(), e.answered(), e.cell_started(), e.asked("a", "subcall"), e.asked("b", "subcall")]
    return reduce(fold, [*steps, e.answered("a", "subcall")], Board(max_steps=20))


def test_the_panel_shows_step_sub_calls_tokens_and_time():
    text = drawn(view.panel(busy(), now=104.0))
    for part in (
        "How many?",
        "1 of 20 · running cell 1.1",
        "1 done · 1 in flight",
        "60 in, 8 out",
        "4.0 s",
        "1,234 characters in 2 documents",
    ):
        assert part in text


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_of_the_panel_is_wider_than_the_terminal_or_the_panel(width):
    board = fold(busy(), e.cell_ended(stdout="很长的行 " * 100, error=None))
    assert max(len(line) for line in drawn(view.panel(board, now=104.0), width).splitlines()) <= min(width, view.WIDTH)


def test_markup_in_a_models_text_is_shown_as_it_stands():
    board = fold(busy(), e.cell_ended(error="[/bold] [link=x]y[/link] :smile:"))
    assert "[/bold] [link=x]y[/link] :smile:" in drawn(view.panel(board, now=104.0))


def test_weak_isolation_is_in_sight():
    assert "weak isolation" in drawn(view.panel(fold(Board(), e.started(weak_isolation=True)), now=104.0))


def test_a_panel_before_the_first_event_can_be_drawn():
    assert "starting" in drawn(view.panel(Board(), now=0.0))


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.99, "1:00"), (187.9, "3:07"), (3_787.0, "1:03:07")])
def test_the_clock_is_short_and_exact(seconds, text):
    assert view.clock(seconds) == text


def test_a_plain_line_says_when_what_and_how():
    row = Row(seconds=3.21, depth=1, mark="bad", label="cell 2.1", text="NameError: x")
    assert view.plain(row) == "[  3.2 s]   cell 2.1: failed: NameError: x"


def test_the_last_line_counts_what_the_run_took():
    board = fold(busy(), e.ended())
    assert view.total(board) == "[  7.5 s] 1 step · 0 cells · 1 sub-call · tokens 90 in, 9 out · run r1"


def test_the_last_line_counts_the_child_runs():
    board = reduce(fold, [e.started(run_id=e.CHILD, depth=1), e.ended(run_id=e.CHILD, depth=1), e.ended()], busy())
    assert " · 1 sub-call · 1 child run · tokens " in view.total(board)


def test_the_summary_names_the_walls_that_are_on_and_why_others_are_not():
    board = fold(busy(), e.ended())
    assert view.facts(board)["walls"] == "1 on (seccomp); cgroup: not delegated"
    assert view.facts(board)["time"] == "7.5 s"
