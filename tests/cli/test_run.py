"""`cellblock run` from end to end: a process of its own, real sessions, the simulated model."""

import json
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cellblock.cli.report import SIMULATED
from cellblock.events import Trace

from .conftest import COMMAND, environment

QUESTION = "How many lines mention the word needle?"


@pytest.fixture
def corpus(tmp_path):
    """Three small files."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text("hay\nneedle\n" * (number + 1))
    return folder


def test_the_answer_goes_to_standard_output_and_progress_to_standard_error(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "simulated" in done.stderr and "step 1" in done.stderr


def test_json_is_one_object_with_every_figure(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "--json", "-q")
    told = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1 and done.stderr == ""
    assert told["success"] is True and told["error"] is None and told["answer"]
    assert {"value", "usage", "run_id", "steps", "subcalls", "seconds", "weak_isolation", "layers", "sandbox", "model"} <= told.keys()
    assert told["context"]["documents"] == 3


def test_the_context_comes_from_files_globs_and_standard_input_together(cellblock, corpus):
    words = ["-c", corpus / "0.txt", "-c", str(corpus / "[12].txt"), "-c", "-"]
    told = json.loads(cellblock("run", QUESTION, *words, "-m", "simulated", "--json", stdin="from a pipe\n").stdout)
    assert told["context"]["documents"] == 4


def test_paths_that_a_shell_expanded_belong_to_the_context(cellblock, corpus):
    told = json.loads(cellblock("run", QUESTION, "-m", "simulated", "--json", "-c", *sorted(corpus.iterdir())).stdout)
    assert told["context"]["documents"] == 3


def test_the_trace_is_the_whole_run(cellblock, corpus, tmp_path):
    cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "--trace", "run.jsonl")
    events = list(Trace.from_jsonl((tmp_path / "run.jsonl").read_bytes()))
    assert type(events[0]).__name__ == "RunStarted" and type(events[-1]).__name__ == "RunEnded"


def test_verbose_shows_the_cells(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-v")
    assert "── cell 1.1" in done.stderr


def test_a_budget_that_runs_out_is_a_failed_run(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "--wall-seconds", "0.000001", "-q", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["success"] is False
    assert len(done.stderr.splitlines()) == 1 and "wall_seconds" in done.stderr


def test_a_model_that_refuses_is_a_failed_run_in_one_line(cellblock, corpus):
    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_error(401, "no \x1b[31mkey")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}/v1"
        done = cellblock("run", QUESTION, "-c", corpus, "-m", "m", "--base-url", address, "-q", "--json")
        server.shutdown()
    told = json.loads(done.stdout)
    assert (done.returncode, told["success"], told["answer"]) == (1, False, "")
    assert len(done.stderr.splitlines()) == 1 and "401" in done.stderr and "\x1b" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(corpus, home):
    command = [*COMMAND, "run", QUESTION, "-c", str(corpus), "-m", "simulated", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home)) as process:
        process.stdout.close()
        assert process.stderr.read().decode() in ("", SIMULATED + "\n")
        assert process.wait(60) == 0


def test_a_full_disk_under_standard_output_is_one_line(cellblock, corpus):
    with open("/dev/full", "w") as full:
        done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-q", stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, "cellblock: standard output: No space left on device\n")


def test_a_closed_standard_output_is_a_wrong_call(corpus, home):
    words = " ".join(f"'{word}'" for word in [*COMMAND, "run", QUESTION, "-c", corpus, "-m", "simulated"])
    done = subprocess.run(["sh", "-c", f"{words} >&-"], capture_output=True, text=True, env=environment(home), timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("cellblock: standard output is closed") and len(done.stderr.splitlines()) == 1


def test_a_full_disk_under_the_trace_leaves_the_answer_and_one_line(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-q", "--trace", "/dev/full")
    assert done.returncode == 1 and done.stdout.strip()
    assert done.stderr == f"{SIMULATED}\ncellblock: /dev/full: the trace is incomplete: No space left on device\n"


def test_every_output_says_that_no_language_model_was_called(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-q")
    assert (done.returncode, done.stderr) == (0, SIMULATED + "\n")
    assert SIMULATED in cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-q", "--json").stdout


def test_no_colour_codes_reach_a_pipe(cellblock, corpus):
    done = cellblock("run", QUESTION, "-c", corpus, "-m", "simulated", "-v", env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert "\x1b[?25" not in done.stderr and "\x1b" not in done.stdout


def test_ctrl_c_ends_a_run_quietly_and_leaves_the_journal_whole(corpus, home, tmp_path):
    journal = tmp_path / "j.db"
    trace = tmp_path / "t.jsonl"
    command = [*COMMAND, "run", QUESTION, "-c", str(corpus), "-m", "simulated:latency_seconds=30", "--journal", str(journal)]
    command += ["--trace", str(trace)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(home), text=True)
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert first.startswith("[") and time.monotonic() - began < 10
    assert (process.returncode, out, err.splitlines()[-1]) == (130, "", "cellblock: interrupted")
    assert "tokens 0 in, 0 out" in err and "Traceback" not in err
    assert list(Trace.from_jsonl(trace.read_bytes()))[-1].error == "cancelled"
    with closing(sqlite3.connect(journal)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT status FROM runs").fetchall() == [("cancelled",)]
