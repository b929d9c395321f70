"""`cellblock threads`: nothing of a thread steers a terminal, and an export writes only where it was told to."""

import json
import re
import stat

import pytest

from cellblock import RLM, ScriptedModel, cli

from .terminals import on_a_terminal

HOSTILE = "\x1b]0;pwned\x07\x9b31m [/bold] [red]\u202e"
ANSWER = f"| a | b |\n|---|---|\n| {HOSTILE} | 1 |\n```\nnot the end\n````"


@pytest.fixture
def journal(tmp_path):
    """A journal with two threads, one of them as hostile as can be."""
    path = tmp_path / "j.db"
    rlm = RLM(ScriptedModel(["```repl\nx = 1\nFINAL(x)\n```", "```repl\nFINAL(P[:])\n```"]), sandbox="restricted", journal=path)
    rlm.thread("lease").run("how many?", {"a.txt": "one"})
    rlm.thread("[red]x[/]").run(f"what is\nit? {HOSTILE}", {f"{HOSTILE}.txt": ANSWER})
    return path


@pytest.fixture
def here(tmp_path, monkeypatch, capsys, journal):
    """Runs `cellblock threads` in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.main(["threads", *map(str, words), "--journal", str(journal)])
        return code, *capsys.readouterr()

    return call


def test_the_list_has_each_thread_by_name(here):
    code, out, _ = here("list")
    assert code == 0
    assert [line.split("\t")[:4] for line in out.splitlines()] == [["[red]x[/]", "1", "1", str(len(ANSWER))], ["lease", "1", "1", "3"]]
    assert [thread["name"] for thread in json.loads(here("list", "--json")[1])["threads"]] == ["[red]x[/]", "lease"]


def test_without_a_journal_there_is_no_thread_and_none_is_made(tmp_path, capsys):
    path = tmp_path / "none.db"
    assert cli.main(["threads", "list", "--journal", str(path)]) == 0
    assert capsys.readouterr().err == "no thread yet; cellblock chat --thread NAME begins one\n"
    assert cli.main(["threads", "list", "--json", "--journal", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"threads": []}
    assert cli.main(["threads", "show", "a", "--journal", str(path)]) == 2
    assert "there is no journal" in capsys.readouterr().err
    assert not path.exists()


def test_a_thread_is_shown_as_plain_text_in_a_pipe(here):
    _, out, _ = here("show", "lease")
    assert re.fullmatch(
        r"thread: lease\ndocument: a.txt \(3 characters\)\n\nQ: how many\?\nA: 1\n   [\d-]+ [\d:]+, [\d.]+ s, run [\w-]+\n", out
    )


@pytest.mark.parametrize("words", [["show"], ["show", "--json"], ["export"], ["export", "--format", "json"]])
def test_nothing_of_a_thread_comes_out_as_a_control_code(here, words):
    code, out, err = here(*words, "[red]x[/]")
    assert code == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out + err)
    assert "[/bold] [red]" in out


def test_json_is_exactly_what_was_asked_and_answered(here):
    told = json.loads(here("show", "[red]x[/]", "--json")[1])
    (turn,), (document,) = told["turns"], told["documents"]
    assert (turn["question"], turn["answer"], turn["success"]) == (f"what is\nit? {HOSTILE}", ANSWER, True)
    assert document["title"] == f"{HOSTILE}.txt"


def test_on_a_terminal_nothing_of_a_thread_steers_it(home, journal):
    for words in (["list"], ["show", "[red]x[/]"]):
        with on_a_terminal(home, "threads", *words, "--journal", journal) as terminal:
            assert terminal.ended() == 0
        assert "\x1b]0;" not in terminal.shown and "\x07" not in terminal.shown and "\u202e" not in terminal.shown
        assert "[red]x[/]" in terminal.shown
    assert r"\x1b]0;pwned\x07" in terminal.shown and "[/bold] [red]" in terminal.shown


def test_no_text_ends_its_fence_in_markdown(here):
    _, out, _ = here("export", "[red]x[/]")
    fence = re.search(r"^(`{3,})text\n\| a", out, re.MULTILINE)
    assert fence is not None and fence[1] == "`" * 5
    assert out.count(fence[1]) == 2
    assert r"# Thread \[red\]x\[/\]" in out


def test_an_export_is_a_private_file_that_replaces_nothing_by_itself(here, tmp_path):
    target = tmp_path / "lease.md"
    assert here("export", "lease", "--to", target) == (0, "", "")
    assert target.read_text().startswith("# Thread lease\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.write_text("mine")
    code, _, err = here("export", "lease", "--to", target)
    assert code == 2 and "--overwrite replaces it" in err and target.read_text() == "mine"
    assert here("export", "lease", "--to", target, "--overwrite")[0] == 0
    assert target.read_text().startswith("# Thread lease\n")


@pytest.mark.parametrize(
    ("to", "part"),
    [
        ("folder", "a folder; name a file in it"),
        ("no/such.md", "there is no folder no"),
        ("j.db", "this is the journal itself"),
        ("a\0b", "null"),
    ],
)
def test_where_an_export_cannot_go_is_told_in_one_line(here, tmp_path, to, part):
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "j.db").read_bytes()
    code, out, err = here("export", "lease", "--overwrite", "--to", to)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and part in err
    assert (tmp_path / "j.db").read_bytes() == before


def test_an_export_to_a_full_disk_is_one_line(here):
    code, _, err = here("export", "lease", "--to", "/dev/full")
    assert (code, err) == (1, "cellblock: /dev/full: No space left on device\n")


def test_an_export_follows_no_name_into_the_file_system(here, tmp_path):
    before = set(tmp_path.rglob("*"))
    for words in (["export", "../../x"], ["show", "/etc/passwd"], ["delete", "a/b", "--yes"]):
        code, _, err = here(*words)
        assert code == 2 and f"there is no thread {words[1]} in " in err
    assert set(tmp_path.rglob("*")) == before


def test_a_deleted_thread_is_gone_from_the_file_and_its_runs_only_on_demand(here, journal):
    run_id = json.loads(here("show", "lease", "--json")[1])["turns"][0]["run_id"]
    assert here("delete", "lease", "--yes") == (0, "", "deleted; its runs are in the journal still\n")
    assert here("show", "lease")[0] == 2
    with _store(journal) as store:
        assert store.journal.run(run_id).task["question"] == "how many?"
        owners = {str(owner) for (owner,) in store.database.rows("SELECT owner FROM blob_links")}
        assert len({owner for owner in owners if owner.startswith("thread:")}) == 1, "the other thread's"
        assert store.check() == []
    (other,) = json.loads(here("show", "[red]x[/]", "--json")[1])["turns"]
    assert here("delete", "[red]x[/]", "--yes", "--with-runs")[0] == 0
    with _store(journal) as store:
        assert [run.run_id for run in store.journal.runs()] == [run_id] != [other["run_id"]]
        left = {str(blob) for (blob,) in store.database.rows("SELECT blob FROM blobs")}
        assert left == set(store.blobs.links(f"run:{run_id}").values())


def _store(journal):
    from cellblock.engine.kept import place_of

    return place_of(journal, "default").opened()


def test_deleting_asks_first(here, home, journal):
    code, _, err = here("delete", "lease")
    assert code == 2 and "--yes deletes without asking" in err
    for answer, gone in (("n", False), ("y", True)):
        with on_a_terminal(home, "threads", "delete", "lease", "--journal", journal) as terminal:
            terminal.expect("Delete it for good? [y/N]: ")
            terminal.type(answer + "\r")
            assert terminal.ended() == (0 if gone else 1)
        assert (here("show", "lease")[0] == 2) is gone


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main(["threads"]) == 0
    out, err = capsys.readouterr()
    assert "cellblock threads export lease" in out and err == ""
