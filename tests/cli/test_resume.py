"""`cellblock resume`: runs that were killed, interrupted or refused go on, by the real command."""

import json
import shlex
import signal
import subprocess

import pytest
from loopback import serving

from cellblock import cli
from cellblock.cli.going_on import command
from cellblock.serve.simulate import create_app
from cellblock.store.journal import Journal

from .conftest import COMMAND, environment
from .recorded import QUESTION, TEXT, default_journal, record, record_cancelled, record_with_child, runs

SLOW = "simulated:latency_seconds=30"


@pytest.fixture
def text(tmp_path):
    """The file that the runs are about."""
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def begun(home, text):
    """Starts `cellblock run` and waits until a line on its standard error has a word in it."""
    started = []

    def begin(until, *words):
        words = [*COMMAND, "run", QUESTION, "-c", str(text), *map(str, words)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home), text=True)
        started.append(process)
        for line in process.stderr:
            if until in line:
                return process
        raise AssertionError(f"the run ended before it said {until!r}")

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=30)


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_a_killed_run_is_shown_as_cut_off_and_goes_on_to_the_same_answer(cellblock, begun, text):
    killed(begun("cell 1.1", "-m", "simulated:latency_seconds=0.4"))
    (cut_off,) = runs(cellblock)
    resumed = cellblock("resume", "last", "-m", "simulated", "--json")
    told = json.loads(resumed.stdout)
    undisturbed = json.loads(cellblock("run", QUESTION, "-c", text, "-m", "simulated", "--json").stdout)
    assert (cut_off["status"], cut_off["success"]) == ("cut off", None)
    assert (resumed.returncode, told["run_id"], told["answer"]) == (0, cut_off["run_id"], undisturbed["answer"])
    assert told["usage"]["calls"] == undisturbed["usage"]["calls"] and told["layers"]
    assert "step 1: 174 tokens, on record" in resumed.stderr and "session: 1 cell run again" in resumed.stderr


def test_ctrl_c_tells_how_to_go_on_and_that_works(home, cellblock, begun, tmp_path):
    journal = tmp_path / "my journal.db"
    process = begun("simulated", "-m", SLOW, "--journal", journal)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    lines = err.splitlines()
    assert lines[-1] == "cellblock: interrupted" and lines[-2].startswith("go on with: cellblock resume ")
    done = cellblock(*shlex.split(lines[-2])[4:], "-m", "simulated", "-q")
    assert process.returncode == 130 and done.returncode == 0 and done.stdout.strip(), done.stderr


def test_a_run_that_is_driven_is_neither_resumed_nor_deleted(cellblock, begun):
    begun("simulated", "-m", SLOW)
    (running,) = runs(cellblock)
    resumed, deleted = cellblock("resume", running["run_id"], "-q"), cellblock("runs", "delete", "--yes", running["run_id"])
    assert running["status"] == "running"
    assert (resumed.returncode, resumed.stdout, len(resumed.stderr.splitlines())) == (1, "", 1) and "is at it" in resumed.stderr
    assert (deleted.returncode, len(deleted.stderr.splitlines())) == (2, 1) and "is being driven" in deleted.stderr
    assert cellblock("resume", "last").returncode == 2 and len(runs(cellblock)) == 1


def quota_ends_after(answers, app):
    """`app`, which refuses all requests after so many."""
    asked = []

    async def limited(scope, receive, send):
        if scope["type"] == "http" and scope["method"] == "POST":
            asked.append(1)
            if len(asked) > answers:
                await send({"type": "http.response.start", "status": 402, "headers": []})
                await send({"type": "http.response.body", "body": b'{"error": {"message": "no quota"}}'})
                return
        await app(scope, receive, send)

    return limited


def test_a_quota_that_ended_and_came_back_costs_nothing_twice(cellblock, text):
    served = ["-m", "openai:simulated", "-q"]
    with serving(quota_ends_after(1, create_app())) as address:
        refused = cellblock("run", QUESTION, "-c", text, *served, "--base-url", f"{address}/v1")
    asked = []
    without_address = cellblock("resume", "last", "-q")
    with serving(create_app(on_request=lambda request: asked.append(request.url.path))) as address:
        done = cellblock("resume", "last", "--base-url", f"{address}/v1", "--json", "-q")
    told = json.loads(done.stdout)
    assert refused.returncode == 1 and refused.stderr.startswith("go on with: cellblock resume ")
    assert (
        without_address.returncode == 2 and "the address of 127.0.0.1 is not on record: give it with --base-url" in without_address.stderr
    )
    assert (done.returncode, told["steps"], told["success"]) == (0, 3, True)
    assert len(asked) == told["usage"]["calls"] - 1


@pytest.fixture
def called(same_home, tmp_path, monkeypatch, capsys):
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


def test_the_newest_run_that_can_go_on_is_the_last(called):
    older, newer = record_cancelled(), record_cancelled()
    record()
    code, _, err = called("resume", "last")
    assert code == 0 and f"run {newer}" in err
    assert called("resume", "last")[0] == 0 and called("resume", older)[0] == 2
    assert called("resume", "last")[0] == 2


def test_a_beginning_that_fits_several_runs_lists_them(called):
    ids = [record().run_id, record("Another \x1b[31mquestion?").run_id]
    code, out, err = called("resume", "2")
    *listed, told = err.splitlines()
    assert (code, out) == (2, "") and "\x1b" not in err
    assert [line.split()[0] for line in listed] == ids[::-1]
    assert told == "cellblock: 2 is the beginning of 2 runs; say more of it, or last for the newest"


def test_the_whole_id_or_a_beginning_of_its_own_is_enough(called):
    run_id = record_cancelled()
    record()
    assert called("resume", run_id[:-4], "-q")[0] == 0
    assert called("resume", run_id)[2].startswith(f"cellblock: run {run_id} has ended already")


def test_a_context_that_is_given_again_has_to_be_the_same(called, tmp_path):
    record_cancelled()
    (tmp_path / "other.txt").write_text("something else")
    code, _, err = called("resume", "last", "-q", "-c", "other.txt")
    assert (code, len(err.splitlines())) == (2, 1) and "not the context that it was asked about" in err


def test_a_context_that_was_not_kept_is_asked_for_by_its_option(called, same_home):
    run_id = record_cancelled()
    with Journal(default_journal(same_home)) as journal:
        task = {**journal.run(run_id).task, "context": None}
        journal.copy_run(run_id, "other", parent=None, task=task, seqs=None)
    code, _, err = called("resume", "other", "-q")
    assert code == 2 and err.endswith("was not kept; give it again with -c\n")


def test_models_that_no_name_brings_back_are_asked_for_by_their_option(called, same_home):
    run_id = record_with_child().run_id
    with Journal(default_journal(same_home)) as journal:
        journal.reopen_run(run_id)
    code, _, err = called("resume", run_id, "-q")
    assert (code, len(err.splitlines())) == (2, 1) and "scripted" in err and "name another model with --model" in err


@pytest.mark.parametrize(
    ("name", "words", "part"),
    [
        ("openai:gpt-5", [], "OPENAI_API_KEY; or name another model with --model"),
        ("llm.example:m", [], "the address of llm.example is not on record: give it with --base-url, or name another model with --model"),
        ("[::1]:m:7b", [], "the address of [::1] is not on record"),
        ("simulated", ["--base-url", "http://127.0.0.1:1/v1"], "no model of this run was at an address of its own"),
        ("simulated", ["--model", "nonsense"], "nonsense"),
        ("llm.example:m", ["--base-url", "not an address"], "not an address"),
        ("\x1b[31m:m", [], r"\x1b[31m"),
        (7, [], "its record is not as it should be: models"),
    ],
)
def test_what_is_wrong_with_a_recorded_model_is_one_line(called, same_home, name, words, part):
    run_id = record_cancelled()
    with Journal(default_journal(same_home)) as journal:
        task = journal.run(run_id).task
        journal.copy_run(run_id, "other", parent=None, task={**task, "models": {**task["models"], "root": name}}, seqs=None)
    code, out, err = called("resume", "other", "-q", *words)
    assert (code in (1, 2), out, len(err.splitlines())) == (True, "", 1) and part in err and "\x1b" not in err


def test_a_sub_model_of_its_own_is_asked_for_by_its_own_option(called, same_home):
    run_id = record_cancelled()
    with Journal(default_journal(same_home)) as journal:
        task = journal.run(run_id).task
        journal.copy_run(run_id, "other", parent=None, task={**task, "models": {**task["models"], "sub": ["small.example:m"]}}, seqs=None)
    assert "give it with --base-url, or name another model for sub-calls with --sub-model" in called("resume", "other", "-q")[2]
    assert called("resume", "other", "-q", "--sub-model", "simulated")[0] == 0


def test_a_model_takes_the_place_of_the_roots_and_of_no_other(called, same_home):
    run_id = record_cancelled()
    with Journal(default_journal(same_home)) as journal:
        task = journal.run(run_id).task
        models = {**task["models"], "root": "a.example:m", "sub": ["a.example:m"], "children": ["b.example:m"]}
        journal.copy_run(run_id, "other", parent=None, task={**task, "models": models}, seqs=None)
        models = {**models, "children": ["a.example:m"], "verifier": "a.example:m", "engineer": "a.example:m"}
        journal.copy_run(run_id, "all one", parent=None, task={**task, "models": models}, seqs=None)
    code, _, err = called("resume", "other", "-q", "-m", "simulated")
    assert code == 2 and "b.example:m" in err and "from Python: RLM(Models(" in err
    assert called("resume", "all one", "-q", "-m", "simulated")[0] == 0


def test_a_run_of_an_older_version_is_not_the_last_and_says_why(called, same_home):
    run_id = record_cancelled()
    with Journal(default_journal(same_home)) as journal:
        journal.copy_run(run_id, "older", parent=None, task={**journal.run(run_id).task, "format": 1}, seqs=None)
    code, _, err = called("resume", "older", "-q")
    assert code == 1 and "recorded by an older version" in err and len(err.splitlines()) == 1
    assert called("resume", "last", "-q")[0] == 0 and called("runs", "show", "older")[0] == 0


def test_an_environment_that_names_a_model_does_not_change_the_runs(called, monkeypatch):
    record_cancelled()
    monkeypatch.setenv("CELLBLOCK_MODEL", "nonsense")
    assert called("resume", "last", "-q")[0] == 0


@pytest.mark.parametrize("name", ["", "nobody", "\x1b[31m", "x" * 300, "a\0b", "20\udce9"])
def test_a_run_that_is_not_there_is_one_line(called, name):
    record()
    code, out, err = called("resume", name)
    assert (code, out, len(err.splitlines())) == (2, "", 1) and "\x1b" not in err and "cellblock runs" in err


def test_a_child_run_goes_on_with_its_parent(called):
    parent = record_with_child().run_id
    code, _, err = called("resume", f"{parent}/1")
    assert code == 1 and f"name the run that it belongs to: {parent}" in err


def test_without_a_journal_there_is_nothing_to_go_on_with_and_none_is_made(called, same_home):
    code, _, err = called("resume", "last")
    assert (code, len(err.splitlines())) == (2, 1) and "there is no journal" in err
    assert not default_journal(same_home).exists()


def test_a_password_stays_out_of_what_is_told():
    told = command("r1", "postgresql://me:s3cret@db.example/cellblock?sslmode=require")
    assert "s3cret" not in told and "me:…@db.example/cellblock?sslmode=require" in told
    assert command("r1", None) == "cellblock resume r1"
    assert command("r1", "my journal.db") == "cellblock resume r1 --journal 'my journal.db'"
