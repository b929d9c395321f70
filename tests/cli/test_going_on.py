"""When an interrupted or failed run is said to be worth going on with."""

import pytest

from cellblock import errors
from cellblock.cli.board import Board
from cellblock.cli.going_on import command, may_go_on, tell_how, without_password

BEGUN, ANSWERED = Board(run_id="r1"), Board(run_id="r1", input_tokens=10, output_tokens=1)


@pytest.mark.parametrize(
    ("error", "board", "expected"),
    [
        (KeyboardInterrupt(), BEGUN, True),
        (errors.ModelUnavailable("down"), BEGUN, True),
        (errors.SandboxBroken("its worker died"), BEGUN, True),
        (errors.StoreError("disk full"), BEGUN, True),
        (errors.ModelRefused("no quota", status=402), ANSWERED, True),
        (errors.ModelRefused("no key", status=401), BEGUN, False),
        (errors.ModelRefused("too long", status=400), ANSWERED, False),
        (errors.Diverged("another prompt"), ANSWERED, False),
        (errors.TamperedSnapshot("changed"), ANSWERED, False),
        (errors.LeaseHeld("run:r1", pid=1, machine="m", elsewhere=False), ANSWERED, False),
        (errors.ConfigError("no such thing"), ANSWERED, False),
        (errors.SandboxUnavailable("no namespaces"), ANSWERED, False),
    ],
)
def test_it_is_where_the_cause_may_pass_and_something_is_saved(error, board, expected):
    assert may_go_on(error, board) is expected


@pytest.mark.parametrize(("board", "journal"), [(Board(), "j.db"), (BEGUN, ":memory:")])
def test_nothing_is_told_where_there_is_no_record(capsys, board, journal):
    tell_how(KeyboardInterrupt(), board, journal)
    assert capsys.readouterr().err == ""


def test_the_line_names_the_journal_that_was_named(capsys):
    tell_how(KeyboardInterrupt(), BEGUN, "a b.db")
    assert capsys.readouterr().err == "go on with: cellblock resume r1 --journal 'a b.db'\n"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("postgresql://me:secret@host/d", "postgresql://me:…@host/d"),
        ("postgresql://me:a@secret/b@host:5/d", "postgresql://me:…@host:5/d"),
        (f"postgresql://me:{'secret' * 200}@host/d", "postgresql://me:…@host/d"),
        ("postgresql:///d?host=/run&password=secret&sslmode=require", "postgresql:///d?host=/run&password=…&sslmode=require"),
        ("postgresql:///d?sslpassword=secret", "postgresql:///d?sslpassword=…"),
        ("postgresql:///d?p%61ssword=secret", "postgresql:///d?p%61ssword=…"),
        ("postgresql://me@host/d", "postgresql://me@host/d"),
        ("/a:b@c/j.db", "/a:b@c/j.db"),
    ],
)
def test_no_password_of_an_address_is_told(place, shown):
    assert without_password(place) == shown
    assert "secret" not in command("r1", place)
