"""Events are folded into what the views show."""

from functools import reduce
from typing import get_args

import msgspec
import pytest

from cellblock.cli.board import ROWS_KEPT, Board, fold
from cellblock.events import AnyEvent

from . import events as e


def after(*events):
    return reduce(fold, events, Board(max_steps=20))


def test_a_started_run_shows_its_question_place_and_context():
    board = after(e.started(weak_isolation=True))
    assert (board.question, board.model, board.sandbox, board.context_chars) == ("How many?", "simulated", "monty", 1234)
    assert board.weak_isolation and board.layers == {"seccomp": "on", "cgroup": "not delegated"}


def test_sub_calls_are_in_flight_until_they_are_answered():
    board = after(e.started(), e.asked("a", "subcall"), e.asked("b", "subcall"), e.answered("a", "subcall"))
    assert (board.in_flight, board.subcalls_done, board.subcalls_failed) == (frozenset("b"), 1, 0)


def test_a_failed_sub_call_is_counted_and_gets_a_row():
    board = after(e.started(), e.asked("a", "subcall"), e.answered("a", "subcall", error="503 overloaded"))
    assert (board.subcalls_done, board.subcalls_failed) == (0, 1)
    assert (board.rows[-1].mark, board.rows[-1].text) == ("bad", "503 overloaded")


def test_a_repair_is_a_sub_call_and_no_step():
    board = after(e.started(), e.asked("a", "repair"), e.answered("a", "repair"), e.answered("b", "repair", error="503 overloaded"))
    assert (board.subcalls_done, board.subcalls_failed) == (1, 1)
    assert [(row.mark, row.label) for row in board.rows] == [("bad", "sub-call")]


def test_a_call_beside_the_steps_is_shown_as_what_it_is():
    board = after(e.started(), e.answered("v", "verifier"), e.answered("b", "engineer", error="503 overloaded"), e.answered("p", "probe"))
    assert [(row.mark, row.label) for row in board.rows] == [("good", "verifier"), ("bad", "brief"), ("good", "probe")]


def test_tokens_of_every_call_add_up_and_the_end_corrects_them():
    board = after(e.started(), e.answered(), e.answered("x", "subcall"))
    assert (board.input_tokens, board.output_tokens) == (60, 8)
    assert fold(board, e.ended()).input_tokens == 90


def test_what_it_is_doing_follows_the_root_run_only():
    board = after(e.started(), e.asked(), e.answered(), e.cell_started(), e.cell_started(run_id=e.CHILD, depth=1, step=9))
    assert board.doing == "running cell 1.1"


def test_a_failed_cell_says_why():
    board = after(e.started(), e.cell_ended(error="NameError: x (line 1)"))
    assert (board.cells, board.failed_cells, board.rows[-1].text) == (1, 1, "NameError: x (line 1)")


def test_a_silent_cell_shows_the_names_that_it_set():
    assert after(e.started(), e.cell_ended(stdout="", changed=("a", "b"))).rows[-1].text == "set a, b"


def test_child_runs_are_counted_while_they_run_and_do_not_replace_the_root():
    child = e.started(run_id=e.CHILD, depth=1, question="inner?")
    board = after(e.started(), child)
    assert (board.children, board.question, board.run_id) == (1, "How many?", e.RUN)
    assert fold(board, e.ended(run_id=e.CHILD, depth=1)).children == 0


def test_only_the_latest_rows_are_kept():
    board = after(e.started(), *(e.refused(f"no {n}") for n in range(30)))
    assert len(board.rows) == ROWS_KEPT and board.rows[-1].text == "no 29"


def test_texts_of_models_and_guests_are_made_safe_on_the_way_in():
    board = after(e.started(question="a\x1b[2J"), e.cell_ended(stdout="\x9b1m\nb"), e.refused("\u202eabc"), e.answered(error="x\x07"))
    assert board.question == r"a\x1b[2J"
    assert [row.text for row in board.rows] == [r"\x9b1m b", r"\u202eabc", r"x\x07"]


def test_the_clock_stops_when_the_run_has_ended():
    board = after(e.started())
    assert (board.seconds(now=103.0), fold(board, e.ended()).seconds(now=999.0)) == (3.0, 7.5)


def test_what_a_resumed_run_takes_from_its_record_is_told_from_what_it_does():
    board = after(
        e.started(layers={}),
        e.answered(source="journal"),
        e.opened(cells_again=2, skipped=("state 1.0: \x1b[31mgone",)),
        e.asked("c1", step=2, repeated=True),
        e.answered("c1", step=2),
    )
    assert board.layers == {"seccomp": "on"}
    assert [(row.mark, row.label, row.text) for row in board.rows] == [
        ("good", "step 1", "4 tokens, on record"),
        ("note", "session", "2 cells run again with the answers on record; state 1.0: \\x1b[31mgone"),
        ("note", "step 2", "asked once more: nobody knows what became of it when the run was cut off"),
        ("good", "step 2", "4 tokens in 1.2 s"),
    ]


def test_a_session_that_begins_afresh_is_no_row_and_changes_no_walls():
    board = after(e.started(), e.opened(), e.opened(run_id=e.CHILD, depth=1, layers={"other": "on"}))
    assert board.rows == () and board.layers == {"seccomp": "on", "cgroup": "not delegated"}


@pytest.mark.parametrize("kind", get_args(AnyEvent))
def test_every_kind_of_event_is_folded(kind):
    # An event that raised would fail the cell that caused it.
    values = {str: "x", int: 1, dict[str, str]: {}, bool: True}
    fields = {each.name: values[each.type] for each in msgspec.structs.fields(kind) if each.required}
    assert isinstance(fold(Board(), kind(**fields)), Board)


def test_a_changed_file_and_a_branch_are_rows_of_one_safe_line():
    board = after(
        e.started(),
        e.file_changed("append", "/plans/[red]a[/bold]", size=1500),
        e.file_changed("delete", "/plans/\x1b]0;x\x07"),
        e.branched("fork.create", "a"),
        e.branched("checkpoint.create", "[/bold]\x1b[2J\n\u202elabel"),
        e.branched("checkpoint.create", ""),
        e.branched("fork.run", "a", error="ValueError: \x9b1m [link]"),
    )
    assert [(row.mark, row.label, row.text) for row in board.rows] == [
        ("note", "file append", "/plans/[red]a[/bold], 1,500 bytes"),
        ("note", "file delete", r"/plans/\x1b]0;x\x07"),
        ("note", "fork.create", "a"),
        ("note", "checkpoint.create", r"[/bold]\x1b[2J \u202elabel"),
        ("note", "checkpoint.create", "-"),
        ("bad", "fork.run", r"a: ValueError: \x9b1m [link]"),
    ]
