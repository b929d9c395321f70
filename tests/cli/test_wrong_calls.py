"""What cannot work is refused before anything runs: exit code 2 and one line that names the fault."""

import os

import pytest

from cellblock import cli


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with one of everything that can be wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN")) or "CELLBLOCK" in name]:
        monkeypatch.delenv(name)
    (tmp_path / "a.txt").write_text("text\n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait")
    (tmp_path / "folder").mkdir()
    (tmp_path / "not-a-journal").write_text("a text that is no database" * 100)
    (tmp_path / "schema.json").write_text('{"type": "objec"}')
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


WRONG = {
    "an empty question": (["", "-c", "a.txt"], "the question is empty"),
    "a blank question": ([" \n", "-c", "a.txt"], "the question is empty"),
    "a question that is not UTF-8": (["caf\udce9", "-c", "a.txt"], "not UTF-8"),
    "a file where the question stands": (["a.txt", "-c", "a.txt"], "the question comes first"),
    "no context": (["q"], "no context"),
    "no model": (["q", "-c", "a.txt", "--model", ""], "no model"),
    "an unknown model": (["q", "-c", "a.txt", "--model", "nonsense"], "nonsense"),
    "a missing key": (["q", "-c", "a.txt", "--model", "openai:gpt-5"], "OPENAI_API_KEY"),
    "a missing key of the sub-model": (["q", "-c", "a.txt", "--sub-model", "anthropic:claude-sonnet-4-5"], "ANTHROPIC_API_KEY"),
    "an address that is none": (["q", "-c", "a.txt", "--model", "m", "--base-url", "not an address"], "not an address"),
    "a missing file": (["q", "-c", "gone.txt"], "gone.txt"),
    "an empty path": (["q", "-c", ""], "path"),
    "a glob without files": (["q", "-c", "*.nothing"], "*.nothing"),
    "a binary file": (["q", "-c", "binary"], "binary"),
    "a file that is not UTF-8": (["q", "-c", "latin.txt"], "latin.txt"),
    "a pipe that nobody writes to": (["q", "-c", "pipe"], "pipe"),
    "an empty file": (["q", "-c", "empty.txt"], "empty"),
    "an empty folder": (["q", "-c", "folder"], "empty"),
    "an unknown sandbox": (["q", "-c", "a.txt", "--sandbox", "docker"], "docker"),
    "no steps": (["q", "-c", "a.txt", "--max-steps", "0"], "--max-steps=0"),
    "negative sub-calls": (["q", "-c", "a.txt", "--max-subcalls", "-1"], "--max-subcalls=-1"),
    "a negative depth": (["q", "-c", "a.txt", "--max-depth", "-1"], "--max-depth=-1"),
    "too few tokens": (["q", "-c", "a.txt", "--max-tokens", "49"], "--max-tokens=49"),
    "a number that JSON would round": (["q", "-c", "a.txt", "--max-steps", "99999999999999999999"], "--max-steps=99999999999999999999"),
    "endless time": (["q", "-c", "a.txt", "--wall-seconds", "inf"], "--wall-seconds=inf"),
    "time that is no number": (["q", "-c", "a.txt", "--wall-seconds", "nan"], "--wall-seconds=nan"),
    "a negative seed": (["q", "-c", "a.txt", "--seed", "-1"], "--seed=-1"),
    "a trace in a folder that is not there": (["q", "-c", "a.txt", "--trace", "no/trace.jsonl"], "no/trace.jsonl"),
    "a trace over the context": (["q", "-c", "a.txt", "--trace", "./a.txt"], "would overwrite"),
    "a journal that is none": (["q", "-c", "a.txt", "--journal", "not-a-journal"], "not-a-journal"),
    "a journal that is a folder": (["q", "-c", "a.txt", "--journal", "folder"], "folder: the journal cannot be used: "),
    "a cache in a folder that cannot be": (
        ["q", "-c", "a.txt", "--cache", "a.txt/c.db"],
        "cellblock: a.txt/c.db: the cache cannot be used: ",
    ),
    "a schema that is none": (["q", "-c", "a.txt", "--output-schema", "schema.json"], "--output-schema schema.json: schema.type: "),
}


@pytest.mark.parametrize(("words", "part"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_is_refused_in_one_line(capsys, words, part):
    code = cli.main(["run", "-m", "simulated", *words])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and err.startswith("cellblock: ") and part in err


def test_a_data_folder_that_cannot_be_made_is_told_in_the_words_of_the_command(capsys, monkeypatch, folder):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "a.txt"))
    assert cli.main(["run", "q", "-m", "simulated", "-c", "a.txt"]) == 2
    assert "name a file with --journal, or ':memory:'" in capsys.readouterr().err


def test_a_refused_call_leaves_the_contexts_file_as_it_was(folder):
    cli.main(["run", "q", "-m", "simulated", "-c", "a.txt", "--trace", "a.txt"])
    assert (folder / "a.txt").read_text() == "text\n"
