"""`cellblock files`: what a run's cells have written, listed and exported."""

import json
import sqlite3

import pytest

from cellblock import RLM, ScriptedModel
from cellblock.errors import ConfigError, StoreError

WRITES = "vfs.write('/plans/p', 'plan')\nvfs.write('/artifacts/[red]b[/bold]', b'\\xff' * 1500)\nvfs.append('/plans/p', '!')"
CONTENT = {"/plans/p": b"plan!", "/artifacts/[red]b[/bold]": b"\xff" * 1500}


def recorded(journal, *codes):
    rlm = RLM(ScriptedModel([f"```repl\n{code}\n```" for code in codes], fallback="FINAL(1)"), sandbox="restricted", journal=journal)
    return rlm.run("q", "c").run_id


def cut_off(journal, run_id):
    """As a killed process leaves it."""
    database = sqlite3.connect(journal)
    database.execute("UPDATE runs SET status = 'running', ended = NULL, result = NULL")
    database.execute("DELETE FROM blob_links")
    database.commit()
    database.close()
    return run_id


@pytest.fixture
def journal(tmp_path, home, monkeypatch):
    """Written with the secret of the user who calls the command."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    return tmp_path / "j.db"


def test_files_that_another_user_s_secret_vouches_for_are_not_taken(cellblock, journal):
    run = recorded(journal, WRITES)
    done = cellblock("files", run, "--journal", journal, env={"XDG_DATA_HOME": str(journal.parent / "other")})
    assert (done.returncode, done.stdout) == (1, "")
    assert "was not put with this tenant's key, or was changed" in done.stderr


def test_files_are_listed_with_their_sizes(cellblock, journal):
    done = cellblock("files", recorded(journal, WRITES), "--journal", journal)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1,500  /artifacts/[red]b[/bold]\n    5  /plans/p\n"


def test_files_are_exported_to_a_folder_and_to_no_other(cellblock, journal, tmp_path):
    run = recorded(journal, WRITES)
    done = cellblock("files", run, "--to", "out", "--journal", journal)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "2 files written below out\n")
    out = tmp_path / "out"
    assert {"/" + str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == CONTENT
    again = cellblock("files", run, "--to", "out", "--journal", journal)
    assert (again.returncode, again.stderr) == (2, "cellblock: 'out' is not empty; export to another folder, or with --overwrite\n")
    assert cellblock("files", run, "--to", "out", "--overwrite", "--journal", journal).returncode == 0


def test_a_link_in_the_way_is_not_followed(cellblock, journal, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "out" / "plans").symlink_to(tmp_path / "victim")
    done = cellblock("files", recorded(journal, WRITES), "--to", "out", "--overwrite", "--journal", journal)
    assert (done.returncode, list((tmp_path / "victim").iterdir())) == (1, [])


def test_json_has_paths_and_sizes(cellblock, journal):
    run = recorded(journal, WRITES)
    done = cellblock("files", run, "--json", "--journal", journal)
    assert json.loads(done.stdout) == {
        "run_id": run,
        "files": [{"path": "/artifacts/[red]b[/bold]", "bytes": 1500}, {"path": "/plans/p", "bytes": 5}],
        "to": None,
    }


def test_a_run_without_files_says_so(cellblock, journal):
    done = cellblock("files", recorded(journal, "1"), "--journal", journal)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "this run has no files\n")


def test_an_unknown_run_is_one_line(cellblock, journal):
    recorded(journal, "1")
    done = cellblock("files", "no\x1b[2Jsuch", "--journal", journal)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(r"cellblock: 'no\\x1b[2Jsuch' is the id of no run") and done.stderr.count("\n") == 1


def test_a_run_that_was_cut_off_has_the_files_that_its_record_leads_to(cellblock, journal, tmp_path):
    run = cut_off(journal, recorded(journal, WRITES, "vfs.write('/gone', '')\nvfs.delete('/gone')\ncheckpoint.create()"))
    assert RLM(ScriptedModel(), journal=journal).recorded(run).files() == CONTENT
    assert cellblock("files", run, "--to", "out", "--journal", journal).returncode == 0
    assert (tmp_path / "out" / "plans" / "p").read_bytes() == b"plan!"


@pytest.mark.parametrize("move", ["checkpoint.restore('c1')", "fork.create('c1', 'a')\nfork.switch('a')"])
def test_one_that_had_gone_to_another_branch_says_what_to_do(journal, move):
    run = cut_off(journal, recorded(journal, "checkpoint.create()", WRITES, move))
    with pytest.raises(StoreError, match=r"was cut off after (checkpoint\.restore|fork\.switch); which files it had then, only resuming"):
        RLM(ScriptedModel(), journal=journal).recorded(run).files()


def test_a_run_that_ended_on_another_branch_has_its_files(journal):
    run = recorded(journal, "vfs.write('/a', '1')\ncheckpoint.create()", WRITES, "checkpoint.restore('c1')")
    assert RLM(ScriptedModel(), journal=journal).recorded(run).files() == {"/a": b"1"}


def test_files_of_an_unknown_run_are_asked_for_in_vain(journal):
    with pytest.raises(ConfigError, match="no run 'x' is on record"):
        RLM(ScriptedModel(), journal=journal).recorded("x").files()
