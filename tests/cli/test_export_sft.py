"""`cellblock export-sft`: lines that trainers load, of the runs that were asked for."""

import json
import stat

import pytest

from cellblock import RLM, History, ModelError, ScriptedModel, cli

CHILD = "```repl\nFINAL(rlm_query('how long?', 'ab'))\n```"
TWO_STEPS = ("```repl\nprint(1)\n```", "FINAL(done)")


def ask(journal, *replies, **fields):
    """One run of these replies; its id."""
    rlm = RLM(ScriptedModel(replies, name="m"), sandbox="restricted", journal=journal, **fields)
    try:
        return rlm.run("q", "\u2028 text \x85").run_id
    except ModelError:
        return None


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A journal with a run of two steps, one with a child, one that failed and one whose history was trimmed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        folder = tmp_path_factory.mktemp("sft")
        journal = folder / "j.db"
        runs = {
            "plain": ask(journal, *TWO_STEPS),
            "child": ask(journal, CHILD, "FINAL(2)"),
            "failed": ask(journal, "```repl\n1 / 0\n```"),
            "trimmed": ask(journal, *TWO_STEPS[:1] * 2, "FINAL(done)", history=History(keep_turns=False)),
        }
        model = ScriptedModel(["FINAL(1)", "FINAL(2)"], name="m")
        with RLM(model, sandbox="restricted", journal=journal).thread("lease") as thread:
            runs["first"] = thread.run("a", "text").run_id
            runs["second"] = thread.run("b").run_id
    return journal, runs


@pytest.fixture
def export(recorded, capsys):
    """Runs the command in this process: exit code, the lines, standard error."""

    def call(*words):
        code = cli.main(["export-sft", *map(str, words), "--journal", str(recorded[0])])
        out, err = capsys.readouterr()
        # As trainers read it: by line feed, and in ASCII there is no other.
        return code, [json.loads(line) for line in out.splitlines()], err

    return call


def check_messages(messages):
    """What chat templates demand: a system message at most once and first, then user and assistant in turn, texts that are not empty."""
    roles = [message["role"] for message in messages]
    rest = roles[1:] if roles[0] == "system" else roles
    assert rest == ["user", "assistant"] * (len(rest) // 2) + ["user"] * (len(rest) % 2)
    assert all(list(message) == ["role", "content"] and isinstance(message["content"], str) and message["content"] for message in messages)


def test_a_chat_is_one_line_a_run_that_ends_with_the_model(export, recorded):
    code, lines, err = export("--thread", "lease")
    assert code == 0 and err == "2 lines of 2 runs\n"
    for line in lines:
        assert list(line) == ["messages"]
        check_messages(line["messages"])
        assert line["messages"][-1]["role"] == "assistant"


def test_a_pair_is_one_line_a_reply(export, recorded):
    _, lines, _ = export(recorded[1]["plain"], "--format", "prompt-completion")
    assert [line["completion"][0]["content"] for line in lines] == list(TWO_STEPS)
    for line in lines:
        assert list(line) == ["prompt", "completion"]
        check_messages([*line["prompt"], *line["completion"]])
        assert line["prompt"][-1]["role"] == "user"


def test_sharegpt_has_its_own_names(export, recorded):
    _, (line,), _ = export(recorded[1]["plain"], "--format", "sharegpt")
    assert [turn["from"] for turn in line["conversations"]] == ["system", "human", "gpt", "human", "gpt"]
    assert all(list(turn) == ["from", "value"] for turn in line["conversations"])


def test_only_runs_that_succeeded_are_exported_unless_more_is_asked_for(export, recorded):
    _, lines, err = export("--all", "--metadata")
    runs = recorded[1]
    assert {line["metadata"]["run_id"] for line in lines} == {runs[name] for name in ("plain", "child", "first", "second")}
    assert "1 without an accepted answer (--with-failed takes them)" in err
    assert f"left out: run {runs['trimmed']}: turns were left out" in err and err.count("left out: run") == 1
    _, lines, _ = export("--all", "--metadata", "--with-failed", "--format", "prompt-completion")
    assert {line["metadata"]["success"] for line in lines} == {True, False}
    assert sum(line["metadata"]["run_id"] == runs["trimmed"] for line in lines) == 3


def test_child_runs_are_exported_on_demand(export, recorded):
    root = recorded[1]["child"]
    _, (line,), _ = export(root, "--metadata")
    assert line["metadata"] == {"run_id": root, "parent": None, "model": "m", "success": True}
    _, lines, _ = export(root, "--metadata", "--children")
    assert [line["metadata"]["parent"] for line in lines] == [None, root]


def test_failed_steps_can_be_left_out(export, recorded):
    words = ["--all", "--with-failed", "--format", "prompt-completion"]
    everything, kept = export(*words)[1], export(*words, "--no-failed-steps")[1]
    failed = [line for line in everything if "1 / 0" in line["completion"][0]["content"]]
    assert len(failed) == 1 and kept == [line for line in everything if line not in failed]


def test_an_export_to_a_file_is_whole_and_private(export, tmp_path):
    target = tmp_path / "t.jsonl"
    assert export("--thread", "lease", "--to", target, "-q") == (0, [], "")
    assert len(target.read_bytes().splitlines()) == 2 and target.read_bytes().isascii()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert export("--thread", "lease", "--to", target)[0] == 2


def test_nothing_is_no_export(export, recorded, tmp_path):
    target = tmp_path / "t.jsonl"
    code, _, err = export(recorded[1]["trimmed"], "--to", target)
    assert code == 1 and err.splitlines()[-1] == "cellblock: nothing to export; left out: 1 that cannot be exported like this"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "what to export?"),
        (["r", "--all"], "what to export?"),
        (["no-such-run"], "no run named 'no-such-run'"),
        (["\x1b[2J"], r"no run named '\x1b[2J'"),
        (["--thread", "none"], "there is no thread none"),
        (["--thread", ""], "thread: the name is empty"),
        (["--all", "--no-failed-steps"], "--no-failed-steps goes with --format prompt-completion"),
        (["--all", "--format", "xml"], "Invalid value for '--format'"),
        (["--all", "--to", "no/such/file"], "there is no folder no/such"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(export, words, part):
    code, lines, err = export(*words)
    assert (code, lines) == (2, [])
    assert len(err.splitlines()) == 1 and err.startswith("cellblock: ") and part in err
