"""`cellblock chat` with its questions from a pipe, and `cellblock upload`: processes of their own, real sessions, the simulated model."""

import io
import json
import re
import signal
import subprocess

import pytest

from cellblock import cli

from .conftest import COMMAND, environment

QUESTION = "How many lines contain 'needle'?"


@pytest.fixture
def corpus(tmp_path):
    """Two small files."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("hay\nneedle\n")
    (folder / "b.txt").write_text("needle\n")
    return folder


def listed(cellblock):
    return json.loads(cellblock("threads", "list", "--json").stdout)["threads"]


def test_each_line_is_a_question_and_blank_ones_are_none(cellblock, corpus):
    done = cellblock("chat", "-c", corpus, "-m", "simulated", "-q", stdin=f"{QUESTION}\n\n  \n{QUESTION}")
    assert (done.returncode, done.stdout) == (0, "2\n2\n")


def test_a_conversation_that_is_not_kept_says_so_and_leaves_no_thread(cellblock, corpus):
    done = cellblock("chat", "-c", corpus, "-m", "simulated", stdin=f"{QUESTION}\n")
    assert "this conversation is not kept; --thread NAME keeps one" in done.stderr
    assert listed(cellblock) == []


def test_json_is_one_object_a_question(cellblock, corpus):
    done = cellblock("chat", "--thread", "lease", "-c", corpus, "-m", "simulated", "--json", "-q", stdin=f"{QUESTION}\nand again?\n")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["thread"], first["question"], first["value"], first["success"]) == ("lease", QUESTION, 2, True)
    assert second["question"] == "and again?" and second["run_id"] != first["run_id"]
    assert done.stderr == ""


def test_a_thread_goes_on_in_the_next_process_with_more_documents(cellblock, corpus):
    words = ["chat", "--thread", "lease", "-m", "simulated", "-q"]
    assert cellblock(*words, "-c", corpus / "a.txt", stdin=QUESTION + "\n").stdout == "1\n"
    assert cellblock("upload", "--thread", "lease", corpus).stderr == "1 document added, 1 there already\n"
    assert cellblock(*words, stdin=QUESTION + "\n").stdout == "2\n"
    (thread,) = listed(cellblock)
    assert (thread["turns"], thread["documents"]) == (2, 2)


def test_a_question_that_finds_no_answer_does_not_keep_the_next_from_being_asked(cellblock, corpus):
    words = ["chat", "-c", corpus, "-m", "simulated", "--wall-seconds", "0.000001", "-q", "--json"]
    done = cellblock(*words, stdin="one\ntwo\n")
    assert done.returncode == 1
    assert [json.loads(line)["success"] for line in done.stdout.splitlines()] == [False, False]


def test_a_model_that_is_not_there_fails_each_question_in_one_line(cellblock, corpus):
    words = ["chat", "--thread", "lease", "-c", corpus, "-m", "m", "--base-url", "http://127.0.0.1:9/v1", "-q", "--json"]
    done = cellblock(*words, stdin="one\n")
    told = json.loads(done.stdout)
    assert (done.returncode, told["success"], told["question"], told["thread"]) == (1, False, "one", "lease")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("cellblock: ")
    assert listed(cellblock)[0]["turns"] == 0


WRONG = {
    "no model": (["--model", ""], "no model"),
    "no context": ([], "no context yet"),
    "a thread without a document": (["--thread", "new"], "thread 'new' has no document yet"),
    "a missing file": (["-c", "gone.txt"], "gone.txt"),
    "standard input as the context": (["-c", "-"], "standard input has the questions"),
    "an unknown sandbox": (["-c", "corpus", "--sandbox", "docker"], "docker"),
    "no steps": (["-c", "corpus", "--max-steps", "0"], "--max-steps=0"),
    "an empty name": (["-c", "corpus", "--thread", ""], "thread: the name is empty"),
    "a name with escape codes": (["-c", "corpus", "--thread", "\x1b[2J"], r"thread '\x1b[2J': control characters"),
    "a long name": (["-c", "corpus", "--thread", "x" * 101], "at most 100 characters"),
    "a thread in memory": (
        ["-c", "corpus", "--thread", "a", "--journal", ":memory:"],
        "':memory:' keeps nothing; name a file with --journal",
    ),
    "a journal that is none": (["-c", "corpus", "--thread", "a", "--journal", "corpus/a.txt"], "corpus/a.txt"),
}


@pytest.fixture
def here(tmp_path, corpus, monkeypatch, capsys):
    """Runs the command in this process, in the corpus's folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CELLBLOCK_MODEL", raising=False)

    def call(*words, stdin=""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = cli.main(list(words))
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize(("words", "part"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_is_refused_in_one_line(here, words, part):
    code, out, err = here("chat", "-m", "simulated", "-q", *words, stdin="one\ntwo\n")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and err.startswith("cellblock: ") and part in err


@pytest.mark.parametrize("name", ["../../x", "a/b", "'; DROP TABLE threads; --", "[bold]x[/]", "日本語", "--help"])
def test_a_hostile_name_is_a_thread_like_any_other(here, tmp_path, name):
    before = set(tmp_path.rglob("*"))
    assert here("upload", f"--thread={name}", "corpus", "--journal", "j.db")[0] == 0
    told = json.loads(here("threads", "show", "--json", "--journal", "j.db", "--", name)[1])
    assert told["name"] == name and len(told["documents"]) == 2
    assert {path.name for path in set(tmp_path.rglob("*")) - before} <= {"j.db", "j.db-wal", "j.db-shm"}


def test_another_sandbox_than_the_thread_s_is_told_with_the_option(here):
    words = ["chat", "--thread", "a", "-m", "simulated", "-q", "-c", "corpus"]
    assert here(*words, "--sandbox", "restricted", stdin=QUESTION)[0] == 0
    code, _, err = here(*words, stdin=QUESTION)
    assert code == 2 and "take --sandbox 'restricted', or another thread" in err


def test_a_line_that_is_no_text_is_named(home, corpus, tmp_path):
    command = [*COMMAND, "chat", "-c", "corpus", "-m", "simulated", "-q"]
    done = subprocess.run(
        command, input=QUESTION.encode() + b"\ncaf\xe9\n", capture_output=True, env=environment(home), cwd=tmp_path, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, b"2\n")
    assert done.stderr.splitlines()[-1] == b"cellblock: line 2 of standard input is not UTF-8"


def test_a_closed_standard_input_has_no_questions(home, corpus, tmp_path):
    words = " ".join([*COMMAND, "chat", "-c", "corpus", "-m", "simulated", "-q"])
    done = subprocess.run(["sh", "-c", f"{words} <&-"], capture_output=True, text=True, env=environment(home), cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (2, "cellblock: standard input is closed, so there are no questions\n")


@pytest.fixture
def slow(home, corpus, tmp_path):
    """A chat that has begun to answer, and will take for ever."""
    command = [*COMMAND, "chat", "--thread", "lease", "-c", "corpus", "-m", "simulated:latency_seconds=60"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home), cwd=tmp_path, text=True
    ) as process:
        process.stdin.write(QUESTION + "\n")
        process.stdin.flush()
        while not process.stderr.readline().startswith("[ "):
            pass
        yield process
        process.kill()


def test_two_chats_at_once_are_told_of_each_other(cellblock, slow, corpus):
    words = ["-m", "simulated", "-q"]
    refusals = [
        cellblock("chat", "--thread", "lease", *words, stdin=QUESTION + "\n"),
        cellblock("upload", "--thread", "lease", corpus, "-q"),
        cellblock("threads", "delete", "lease", "--yes"),
    ]
    for done in refusals:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"cellblock: thread 'lease': process {slow.pid} on "), done.stderr
    assert cellblock("chat", "--thread", "other", "-c", corpus, *words, stdin=QUESTION + "\n").stdout == "2\n"


def test_a_killed_chat_s_question_can_be_resumed_and_holds_up_nobody(cellblock, slow):
    slow.send_signal(signal.SIGKILL)
    assert slow.wait(30) == -signal.SIGKILL
    done = cellblock("chat", "--thread", "lease", "-m", "simulated", stdin=QUESTION + "\n")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert re.match(
        r"the last question was cut off: cellblock resume \d{8}-\d{6}-[0-9a-f]{10} answers it, until another one is asked here\n",
        done.stderr,
    )
    told = json.loads(cellblock("threads", "show", "lease", "--json").stdout)
    assert [turn["question"] for turn in told["turns"]] == [QUESTION] and told["cut_off"] is None


def test_ctrl_c_ends_a_chat_from_a_pipe(slow):
    slow.send_signal(signal.SIGINT)
    _, err = slow.communicate(timeout=30)
    assert slow.returncode == 130 and err.splitlines()[-1] == "cellblock: interrupted" and "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error(home, corpus, tmp_path):
    command = [*COMMAND, "chat", "-c", "corpus", "-m", "simulated", "-q"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(home), cwd=tmp_path) as process:
        process.stdout.close()
        process.stdin.write(QUESTION.encode() + b"\n")
        process.stdin.close()
        assert process.wait(60) == 0


def test_an_upload_from_a_pipe_is_a_document(cellblock):
    done = cellblock("upload", "--thread", "log", "-", "--json", stdin="from a pipe\nneedle\n")
    assert json.loads(done.stdout) == {"thread": "log", "added": 1, "known": 0, "skipped_files": 0}
    assert cellblock("chat", "--thread", "log", "-m", "simulated", "-q", stdin=QUESTION + "\n").stdout == "1\n"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["corpus"], "Missing option '--thread'"),
        (["--thread", "a"], "nothing to add"),
        (["--thread", "a", "gone.txt"], "gone.txt"),
        (["--thread", "", "corpus"], "the name is empty"),
    ],
)
def test_a_wrong_upload_is_refused_in_one_line_and_makes_nothing(here, empty_home, words, part):
    code, out, err = here("upload", *words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1 and part in err
    assert not list(empty_home.rglob("journal.db"))


def test_an_upload_names_what_it_left_out(cellblock, corpus):
    (corpus / "binary").write_bytes(b"\x7fELF\0\0")
    done = cellblock("upload", "--thread", "a", corpus)
    assert done.stderr.splitlines()[-1] == "2 documents added" and "skipped" in done.stderr and "binary" in done.stderr
