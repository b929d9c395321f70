"""`cellblock replay`: offline, compared, and as it would have gone on from a step."""

import json
import os
import sqlite3
import stat
import sys
from contextlib import closing

import pytest
from loopback import serving

from cellblock import cli
from cellblock.models import ScriptedModel
from cellblock.serve.simulate import create_app
from cellblock.store.codec import pack, unpack

from .recorded import QUESTION, TEXT, default_journal, record, record_cancelled, record_with_child


@pytest.fixture
def called(same_home, tmp_path, monkeypatch, capsys):
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


def recorded_runs(called):
    return json.loads(called("runs", "--json")[1])["runs"]


def changed(home, kind, change):
    """Change the outcome of the first effect of a kind, by hand."""
    with closing(sqlite3.connect(default_journal(home), isolation_level=None)) as database:
        sql = "SELECT o.rowid, outcome FROM outcomes o JOIN effects e ON e.run = o.run AND e.seq = o.seq WHERE e.kind = ? ORDER BY e.seq"
        number, outcome = database.execute(sql, (kind,)).fetchone()
        database.execute("UPDATE outcomes SET outcome = ? WHERE rowid = ?", (pack(change(unpack(outcome))), number))


def test_a_replay_needs_no_model_no_key_and_no_network(cellblock, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    with serving(create_app()) as address:
        cellblock("run", QUESTION, "-c", "a.txt", "-m", "openai:simulated", "--base-url", f"{address}/v1", "-q")
    # That server is gone now, and there are no keys in the environment.
    done = cellblock("replay", "last", "-q")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("same: 7 effects in ")


def test_json_says_what_came_of_it(called):
    run_id = record().run_id
    code, out, _ = called("replay", run_id, "--json", "-q")
    told = json.loads(out)
    assert (code, told["same"], told["whole"], told["difference"], told["run_id"], told["effects"]) == (0, True, True, None, run_id, 7)
    assert told["ending"] == "final" and told["value"]


def test_a_run_with_children_and_without_a_model_of_that_name_is_replayed(called):
    record_with_child()
    assert called("replay", "last", "-q")[:2][0] == 0


def test_the_first_difference_is_one_line_and_harmless(called, same_home):
    record()
    changed(same_home, "exec", lambda outcome: {**outcome, "result": {**outcome["result"], "stdout": "\x1b[2J[/bold]\nother"}})
    code, out, err = called("replay", "last", "-q")
    assert (code, err, out.count("\n")) == (1, "", 1)
    assert out.startswith("different: ") and "the outcome of exec 1.0 differs" in out and "\x1b" not in out


def test_a_replay_writes_nothing(called, same_home):
    record()
    before = list(sqlite3.connect(default_journal(same_home)).iterdump())
    called("replay", "last", "-q")
    assert list(sqlite3.connect(default_journal(same_home)).iterdump()) == before


def test_a_run_that_was_cut_off_is_replayed_as_far_as_it_went(called):
    run_id = record_cancelled()
    code, out, _ = called("replay", "last", "-q")
    assert code == 0 and out.startswith("same as far as the record goes: 3 effects in ")
    assert out.endswith(f"; the run was cut off there; go on with: cellblock resume {run_id}\n")
    assert json.loads(called("replay", "last", "-q", "--json")[1])["whole"] is False


def test_the_steps_are_listed_with_what_was_replied(called):
    record(model=ScriptedModel(["I look.\n\n```repl\nx = 1\n```\n```repl\ny = 2\n```", "\n\x1b[2J[/red] done\n```repl\nFINAL(x)\n```"]))
    code, out, _ = called("replay", "last", "--list")
    assert (code, out) == (0, "1\tscripted\t2\tI look.\n2\tscripted\t1\t\\x1b[2J[/red] done\n")
    told = json.loads(called("replay", "last", "--list", "--json")[1])
    assert [(step["step"], step["cells"]) for step in told["steps"]] == [(1, 2), (2, 1)] and told["steps"][1]["reply"].startswith("\n\x1b")


def test_a_step_without_a_reply_says_so(called):
    record_cancelled()
    assert called("replay", "last", "--list")[1].splitlines()[1] == "2\tsimulated\t0\t(no reply: the run was cut off here)"


def test_a_given_reply_makes_a_new_run_and_leaves_the_old_one(called):
    old = record().run_id
    code, out, err = called("replay", "last", "--from", "3", "--reply", "```repl\nFINAL(len(P))\n```")
    new, before = recorded_runs(called)
    assert (code, out) == (0, f"{len(TEXT)}\n") and f"run {new['run_id']}" in err
    assert (before["run_id"], before["success"], new["branched"]) == (old, True, {"from": old, "step": 3})


def test_a_reply_comes_from_a_file_or_from_standard_input(cellblock, same_home, tmp_path):
    record()
    (tmp_path / "reply.md").write_text("FINAL(41)")
    assert cellblock("replay", "last", "--from", "2", "--reply-file", "reply.md", "-q").stdout == "41\n"
    done = cellblock("replay", "last", "--from", "2", "--reply-file", "-", "-q", "--json", stdin="FINAL(42)")
    told = json.loads(done.stdout)
    assert (told["answer"], told["success"], told["steps"]) == ("42", True, 2) and told["run_id"]


def test_the_model_is_asked_again_on_demand(called):
    answer = record().answer
    code, out, err = called("replay", "last", "--from", "2", "--ask-again")
    assert (code, out.rstrip("\n")) == (0, answer) and "step 1: 174 tokens, on record" in err and "step 3: 58 tokens in" in err


def editor(folder, program):
    """A program that gets the file's path in `sys.argv[1]`, as an `EDITOR`."""
    path = folder / "an editor.py"
    path.write_text(f"#!{sys.executable}\nimport pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n{program}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"'{path}'"


def test_an_edited_reply_is_what_the_model_is_taken_to_have_said(called, monkeypatch, tmp_path):
    record(model=ScriptedModel(["I look.\n```repl\nx = 20\n```", "```repl\nFINAL(x + 1)\n```"]))
    program = "print('on the screen')\npath.write_text(text.replace('x + 1', 'x + 22'))"
    monkeypatch.setenv("EDITOR", editor(tmp_path, program))
    code, out, _ = called("replay", "last", "--from", "2", "--edit", "-q", "-m", "simulated")
    assert (code, out) == (0, "42\n")


@pytest.mark.parametrize(
    ("program", "part"),
    [
        ("", "the editor saved no change"),
        ("sys.exit(3)", "failed with exit status 3"),
        ("path.write_text('')", "the two lines of dashes are not where they were"),
        ("path.write_text(text.replace('FINAL', '') * 2)", "the two lines of dashes are not where they were"),
        ("path.unlink()", "No such file or directory"),
        ("path.write_bytes(b'\\xff')", "not UTF-8"),
        (
            "lines = text.split('\\n'); at = lines.index(lines[8]); path.write_text('\\n'.join(lines[:9] + lines[-10:]))",
            "the reply is empty",
        ),
    ],
)
def test_an_editor_that_gives_no_reply_changes_nothing(called, monkeypatch, tmp_path, program, part):
    record(model=ScriptedModel(["FINAL(1)"]))
    monkeypatch.setenv("EDITOR", editor(tmp_path, program))
    code, out, err = called("replay", "last", "--from", "1", "--edit", "-m", "simulated")
    assert (code, out, len(err.splitlines())) == (2, "", 1) and part in err
    assert len(recorded_runs(called)) == 1


@pytest.mark.parametrize(
    ("value", "part"),
    [("", "no editor is named: set EDITOR"), ("no-such-editor", "editor no-such-editor: No such file"), ("'open", "EDITOR='open: ")],
)
def test_an_editor_that_is_not_there_changes_nothing(called, monkeypatch, value, part):
    record()
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", value)
    code, out, err = called("replay", "last", "--from", "1", "--edit")
    assert (code, out, len(err.splitlines())) == (2, "", 1) and part in err
    assert len(recorded_runs(called)) == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--from", "2"], "--from 2 needs one of --edit"),
        (["--from", "2", "--edit", "--ask-again"], "--from 2 needs one of --edit"),
        (["--edit"], "go with --from STEP"),
        (["--list", "--from", "1", "--ask-again"], "one at a time"),
        (["--from", "9", "--ask-again"], "has the steps 1 to 3; --list shows them"),
        (["--from", "0", "--reply", "x"], "has the steps 1 to 3"),
        (["--from", "1", "--reply", " \n"], "the reply is empty"),
        (["--from", "1", "--reply", "caf\udce9"], "not UTF-8"),
        (["--from", "1", "--reply-file", "gone.md"], "gone.md: No such file"),
        (["--from", "1", "--reply-file", "/dev/zero"], "more than 4,194,304 bytes"),
        (["--from", "1", "--reply-file", "-", "-c", "-"], "both read standard input"),
        (["--from", "1", "--reply", "x", "-m", "nonsense"], "nonsense"),
    ],
)
def test_a_wrong_call_is_one_line_and_changes_nothing(called, words, part):
    record()
    code, out, err = called("replay", "last", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1) and part in err
    assert len(recorded_runs(called)) == 1


def test_the_help_shows_how_to_travel(called):
    text = " ".join(called("replay", "--help")[1].split())
    assert all(
        word in text for word in ("Time travel", "cellblock replay last --from 3 --edit", "--ask-again", "cellblock replay last --list")
    )


def test_an_editors_file_is_this_users_alone(called, monkeypatch, tmp_path):
    record(model=ScriptedModel(["FINAL(1)"]))
    seen = tmp_path / "seen"
    program = f"import os\nopen({str(seen)!r}, 'w').write(oct(os.stat(path.parent).st_mode & 0o777) + ' ' + str(path))"
    monkeypatch.setenv("EDITOR", editor(tmp_path, program))
    called("replay", "last", "--from", "1", "--edit", "-m", "simulated")
    mode, _, path = seen.read_text().partition(" ")
    assert mode == "0o700" and not os.path.exists(path)
