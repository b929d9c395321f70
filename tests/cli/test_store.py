"""`cellblock store`: sound or damaged, what can go, where it lies; and every command with a journal on a server."""

import json
import sqlite3
from contextlib import closing

import pytest
from store.conftest import postgres, postgres_place  # noqa: F401 - fixtures

from cellblock import cli
from cellblock.cli.store import age
from cellblock.errors import ConfigError

from .recorded import QUESTION, TEXT, default_journal, record


@pytest.fixture
def called(same_home, tmp_path, monkeypatch, capsys):
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


def by_hand(home, sql, *values):
    with closing(sqlite3.connect(default_journal(home), isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        return database.execute(sql, values).fetchall()


def test_path_tells_where_it_lies_and_how_large_it_is(called, same_home):
    record()
    code, out, err = called("store", "path")
    lines = out.splitlines()
    assert (code, err, lines[0]) == (0, "", str(default_journal(same_home)))
    assert lines[2] == "runs: 1, and 0 child runs" and lines[3].startswith("effects: 7, ")
    told = json.loads(called("store", "path", "--json")[1])
    assert (told["runs"], told["effects"], told["blobs"], told["exists"]) == (1, 7, 1, True) and told["file_bytes"] >= 4096


def test_path_of_what_is_not_there_makes_nothing(called, same_home):
    code, out, _ = called("store", "path")
    assert (code, out) == (0, f"{default_journal(same_home)}\nnothing is there yet\n")
    assert called("store", "path", "--json")[0] == 0 and not default_journal(same_home).exists()


def test_a_sound_store_is_said_to_be_sound(called):
    record()
    assert called("store", "check") == (0, "sound\n", "")
    assert json.loads(called("store", "check", "--json")[1])["sound"] is True


def test_a_changed_context_is_a_problem_of_one_line(called, same_home):
    record()
    by_hand(same_home, "UPDATE blobs SET data = x'00'")
    code, out, err = called("store", "check")
    assert (code, len(out.splitlines()), err) == (1, 1, "cellblock: damaged: 1 problem\n") and "blob" in out
    told = json.loads(called("store", "check", "--json")[1])
    assert (told["sound"], len(told["problems"])) == (False, 1)


def test_a_record_that_cannot_be_read_is_a_problem(called, same_home):
    record()
    by_hand(same_home, "UPDATE outcomes SET outcome = x'c1' WHERE seq = 1")
    code, out, _ = called("store", "check", "-q")
    assert code == 1 and "damaged" in out


def test_a_file_with_damaged_pages_is_a_problem_and_no_crash(called, same_home):
    record()
    by_hand(same_home, "PRAGMA user_version")
    path = default_journal(same_home)
    data = bytearray(path.read_bytes())
    data[3 * 4096 : 20 * 4096] = b"\xa5" * (17 * 4096)
    path.write_bytes(data)
    for words in (["runs"], ["runs", "show", "last"], ["replay", "last"], ["resume", "last"], ["store", "path"]):
        code, out, err = called(*words)
        assert (code, out, len(err.splitlines())) == (1, "", 1) and "damaged" in err, words
    code, out, err = called("store", "check")
    assert code == 1 and len(err.splitlines()) == 1 and f"{len(out.splitlines())} problem" in err


@pytest.mark.parametrize("words", [["check"], ["gc"], ["path"]])
def test_a_file_that_is_no_journal_is_told_in_one_line(called, tmp_path, words):
    (tmp_path / "a.txt").write_text("a text that is no database" * 100)
    code, out, err = called("store", *words, "--journal", "a.txt")
    assert code == 1 and "not a journal" in out + err and (tmp_path / "a.txt").read_text().startswith("a text")


def test_gc_removes_what_nothing_links_to(called, same_home):
    record()
    by_hand(same_home, "DELETE FROM blob_links")
    younger = "; what was touched in the last 1h stays, --older-than 0 removes it too"
    assert called("store", "gc") == (0, f"removed 0 blobs, 0 bytes{younger}\n", "")
    code, out, _ = called("store", "gc", "--older-than", "0")
    assert code == 0 and out.startswith("removed 1 blob, ")
    assert json.loads(called("store", "gc", "--older-than", "0s", "--json")[1]) == {"blobs": 0, "bytes": 0}


def test_ages_are_seconds_minutes_hours_and_days():
    assert [age(text) for text in ("0", "90", "90s", "1.5m", "2h", "7d")] == [0, 90, 90, 90, 7_200, 604_800]


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e9", "h", "1w", "1 h", "9" * 400, "\x1b[31m"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(ConfigError, match="--older-than"):
        age(text)


def test_without_a_journal_there_is_nothing_to_check(called, same_home):
    for command in ("check", "gc"):
        code, _, err = called("store", command)
        assert (code, len(err.splitlines())) == (2, 1) and "there is no journal" in err
    assert not default_journal(same_home).exists()


@pytest.mark.xdist_group("postgres")
def test_every_command_works_with_a_journal_on_a_server(called, tmp_path, postgres_place):  # noqa: F811 - a fixture
    (tmp_path / "a.txt").write_text(TEXT)
    at = ["--journal", postgres_place]
    assert called("run", QUESTION, "-c", "a.txt", "-m", "simulated", "-q", *at)[0] == 0
    (run,) = json.loads(called("runs", "--json", *at)[1])["runs"]
    assert (run["status"], run["steps"], run["success"]) == ("ended", 3, True)
    assert called("runs", "show", run["run_id"][:-2], *at)[0] == 0
    assert called("replay", "last", "-q", *at)[1].startswith("same: 7 effects in ")
    assert called("replay", "last", "-q", "--from", "2", "--reply", "FINAL(42)", *at)[1] == "42\n"
    assert called("store", "check", *at)[1] == "sound\n"
    code, out, _ = called("store", "path", *at)
    assert code == 0 and out.splitlines()[1] == "runs: 2, and 0 child runs"
    assert called("runs", "delete", "--yes", run["run_id"], *at)[0] == 0
    assert called("store", "gc", "--older-than", "0", *at)[0] == 0 and len(json.loads(called("runs", "--json", *at)[1])["runs"]) == 1
