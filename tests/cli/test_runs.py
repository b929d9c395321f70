"""`cellblock runs`: the list, one run, and how to be rid of some."""

import io
import json
import sqlite3
from contextlib import closing

import pytest
from rich.console import Console

from cellblock import cli
from cellblock.cli.run_tables import listing
from cellblock.cli.runs import Listed
from cellblock.cli.times import stamp
from cellblock.store.journal import Journal

from .recorded import HOSTILE, default_journal, record, record_cancelled, record_with_child, record_with_files
from .test_live import on_a_terminal


@pytest.fixture
def called(same_home, tmp_path, monkeypatch, capsys):
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


def listed(called, *words):
    return json.loads(called("runs", "--json", *words)[1])["runs"]


def test_the_list_has_the_newest_first_and_every_column(called):
    first, second = record_cancelled(), record().run_id
    code, out, err = called("runs")
    rows = [line.split("\t") for line in out.splitlines()]
    assert (code, err) == (0, "") and [row[0] for row in rows] == [second, first]
    assert [row[2:6] for row in rows] == [["ended", "simulated", "3", "yes"], ["cancelled", "simulated", "2", "no"]]


def test_a_hostile_question_is_one_harmless_line(called):
    record(HOSTILE)
    out = called("runs")[1]
    assert out.count("\n") == 1 and "\x1b" not in out and "\x9b" not in out and "\u202e" not in out and "[/bold] [red]" in out
    assert "\x1b" not in called("runs", "show", "last")[1]
    assert listed(called)[0]["question"] == HOSTILE


def test_a_hostile_question_is_harmless_in_the_tables(called, same_home):
    run_id = record(HOSTILE).run_id
    with Journal(default_journal(same_home)) as journal:
        row = journal.run(run_id)
    for width in (80, 160):
        screen = Console(file=io.StringIO(), width=width, markup=False, color_system=None)
        screen.print(listing([Listed(row=row, status="ended", steps=3)], width))
        text = screen.file.getvalue()
        assert run_id in text and "\x1b" not in text and "How many? \\x1b]0;pwned" in text


def test_runs_are_chosen_by_how_they_stand(called, same_home):
    cancelled, ended, cut_off = record_cancelled(), record().run_id, record_cancelled()
    with closing(sqlite3.connect(default_journal(same_home), isolation_level=None)) as database:
        # What SIGKILL leaves; tests/cli/test_resume.py does it for real.
        database.execute("UPDATE runs SET status = 'running', ended = NULL, result = NULL WHERE run_id = ?", (cut_off,))
    found = {status: [run["run_id"] for run in listed(called, "--status", status)] for status in ("cut-off", "ended", "cancelled")}
    assert found == {"cut-off": [cut_off], "ended": [ended], "cancelled": [cancelled]}
    assert (listed(called, "--status", "running"), listed(called, "--status", "failed")) == ([], [])
    assert called("runs", "--status", "odd")[0] == 2


def test_a_long_list_is_cut_and_says_so(called):
    ids = [record().run_id for _ in range(3)]
    code, out, err = called("runs", "-n", "2")
    assert (code, out.count("\n"), err) == (0, 2, "and more; -n 20 shows them\n") and ids[0] not in out
    told = json.loads(called("runs", "-n", "3", "--json")[1])
    assert (len(told["runs"]), told["more"]) == (3, False)


def test_child_runs_are_listed_on_demand_and_shown_by_their_whole_id(called):
    parent = record_with_child().run_id
    assert [run["run_id"] for run in listed(called)] == [parent]
    assert [run["run_id"] for run in listed(called, "--all")] == [f"{parent}/1", parent]
    code, out, _ = called("runs", "show", f"{parent}/1")
    assert code == 0 and "inner question" in out and "\x1b" not in out
    assert f"children: {parent}/1" in called("runs", "show", parent)[1]


def test_a_run_is_shown_with_its_settings_and_effects(called):
    run_id = record().run_id
    code, out, _ = called("runs", "show", run_id)
    lines = out.splitlines()
    effects = [line.split("\t")[1:3] for line in lines[lines.index("effects:") + 1 :]]
    assert code == 0 and lines[0] == f"run: {run_id}" and "status: ended: final" in lines and "sandbox: monty" in lines
    assert effects[:3] == [["ask", "1"], ["exec", "1.0"], ["ask", "2"]] and effects[4] == ["call", "2.0.1"] and len(effects) == 7


def test_files_and_forks_are_among_the_effects(called):
    result = record_with_files()
    lines = called("runs", "show", "last")[1].splitlines()
    effects = [line.split("\t") for line in lines[lines.index("effects:") + 1 :]]
    told = {(kind, text) for _, kind, _, _, text in effects}
    assert result.answer == "first this", result.error
    assert ("vfs", "write /plans/[red].md, 10 bytes") in told
    assert any(kind == "branch" and text.startswith("checkpoint") for kind, text in told), told
    assert [line.split("\t")[2] for line in called("replay", "last", "--list")[1].splitlines()] == ["1", "1"]
    assert called("replay", "last", "-q")[0] == 0


def test_a_run_that_can_go_on_is_shown_with_how(called):
    run_id = record_cancelled()
    out = called("runs", "show", run_id)[1]
    assert f"go on: cellblock resume {run_id}" in out and out.splitlines()[-1] == "2\task\t2\t-\tno outcome"


def test_json_shows_the_record_as_it_stands(called):
    run_id = record().run_id
    told = json.loads(called("runs", "show", run_id, "--json")[1])
    assert told["run_id"] == run_id and told["task"]["limits"]["steps"] == 20 and told["result"]["success"] is True
    assert told["effects"][1]["kind"] == "exec" and told["effects"][1]["payload"]["code"] and told["effects"][1]["error"] is None


def test_a_terminal_gets_tables(home, same_home):
    record(HOSTILE)
    code, out, seen = on_a_terminal(home, "runs", both=True)
    assert (code, out) == (0, "") and "question" in seen and "ended" in seen
    assert "\x1b]0" not in seen and "\x07" not in seen and "\x9b" not in seen and "\u202e" not in seen


def test_a_deleted_run_leaves_nothing(called, same_home):
    kept, gone = record().run_id, record_with_child().run_id
    code, _, err = called("runs", "delete", "--yes", gone)
    assert (code, err) == (0, "deleted 1 run\n")
    assert [run["run_id"] for run in listed(called, "--all")] == [kept]
    with closing(sqlite3.connect(default_journal(same_home))) as database:
        assert database.execute("SELECT count(*) FROM blobs").fetchone() == database.execute("SELECT count(*) FROM blob_links").fetchone()
        assert database.execute(
            "SELECT count(*) FROM effects e LEFT JOIN runs r ON r.number = e.run WHERE r.number IS NULL"
        ).fetchone() == (0,)


def test_whoever_is_asked_may_say_no(home, same_home):
    run_id = record().run_id
    code, _, seen = on_a_terminal(home, "runs", "delete", run_id, both=True, typed="n\n")
    with Journal(default_journal(home)) as journal:
        kept = [row.run_id for row in journal.runs()]
    assert (code, kept) == (1, [run_id]) and f"{run_id}  How many" in seen and "not deleted" in seen and "Delete this run for good?" in seen
    code, _, seen = on_a_terminal(home, "runs", "delete", run_id, both=True, typed="y\n")
    with Journal(default_journal(home)) as journal:
        assert (code, journal.runs()) == (0, [])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["delete", "last"], "nobody is there to ask; --yes"),
        (["delete", "--yes", "last", "nobody"], "no run 'nobody' is on record"),
        (["delete", "--yes"], "Missing argument"),
        (["delete", "--yes", "CHILD"], "is a child run"),
        (["show", "nobody"], "no run 'nobody' is on record"),
        (["--json", "show", "last"], "options of show come after it"),
        (["-n", "0"], "Invalid value for '-n'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_a_wrong_call_is_one_line_and_deletes_nothing(called, words, part):
    run_id = record_with_child().run_id
    code, out, err = called("runs", *(word.replace("CHILD", f"{run_id}/1") for word in words))
    assert (code, out, len(err.splitlines())) == (2, "", 1) and part in err
    assert len(listed(called, "--all")) == 2


def test_where_nothing_was_run_the_list_is_empty_and_no_file_is_made(called, same_home):
    code, out, err = called("runs")
    assert (code, out) == (0, "") and err.startswith("no run in ")
    assert json.loads(called("runs", "--json")[1]) == {"runs": [], "more": False}
    assert not default_journal(same_home).exists()


@pytest.mark.parametrize("task", [[], None, 7, {}, {"question": 5, "model": None, "limits": [], "format": "x"}, {"branched": "\x1b[31m"}])
def test_a_record_that_is_not_as_it_should_be_is_listed_and_shown(called, same_home, task):
    with Journal(default_journal(same_home)) as journal:
        journal.start_run("odd", task)
        journal.record("odd", "ask", "1", task, task)
        journal.record("odd", "exec", "1.0", {"code": []}, {"result": {"stdout": 7, "changed": [1, "a"], "error": {"kind": 2**70}}})
        journal.end_run("odd", "ended", {"success": "\x1b[31m", "value": task, "error": "\x1b[2J"})
    for words in (["runs"], ["runs", "show", "odd"], ["runs", "show", "odd", "--json"], ["replay", "odd", "--list"]):
        code, out, err = called(*words)
        assert (code, err) == (0, "") and "\x1b" not in out


def test_a_time_that_is_none_is_empty():
    assert (stamp(0.0), stamp(float("nan")), stamp(1e300)) == ("1970-01-01T00:00:00Z", "", "")


def by_hand(home, sql, *values):
    with closing(sqlite3.connect(default_journal(home))) as database, database:
        database.execute(sql, values)


def test_a_record_that_json_cannot_say_is_told_in_one_line(same_home, called):
    run_id = record().run_id
    by_hand(same_home, "UPDATE effects SET payload = ? WHERE seq = 0", b"\x91" * 900 + b"\xc0")
    assert called("runs", "show", run_id, "--json") == (1, "", "cellblock: what is on record cannot be written as JSON: nested too deep\n")


def test_a_status_that_no_run_has_is_not_printed(same_home, called):
    run_id = record().run_id
    by_hand(same_home, "UPDATE runs SET status = ?", "\x1b]0;owned\x07")
    for words in (["runs"], ["runs", "show", run_id], ["runs", "--json"]):
        code, out, err = called(*words)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1 and err.rstrip("\n").isprintable()
