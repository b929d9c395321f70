"""`cellblock simulate` is a server like any other, until Ctrl-C."""

import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from cellblock import cli

from .conftest import COMMAND, environment


@contextmanager
def simulator(home, *words):
    """The address of a running simulator, and its process."""
    command = [*COMMAND, "simulate", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home))
    try:
        yield re.search(r"OpenAI base_url (\S+)", process.stdout.readline())[1], process
    finally:
        process.kill()
        process.communicate()


def ask(base_url):
    body = json.dumps({"model": "any", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


def test_it_answers_and_ctrl_c_ends_it_without_a_word(home):
    with simulator(home) as (base_url, process):
        assert ask(base_url)["choices"][0]["message"]["content"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def test_a_knob_makes_every_request_fail(home):
    with simulator(home, "--rate-limit-rate", "1") as (base_url, _), pytest.raises(urllib.error.HTTPError, match="429"):
        ask(base_url)


def test_a_run_over_the_socket_answers(home, cellblock, tmp_path):
    (tmp_path / "a.txt").write_text("hay\nneedle\n")
    with simulator(home, "--error-rate", "0.2") as (base_url, _):
        done = cellblock("run", "How many lines mention needle?", "-c", "a.txt", "-m", "openai:simulated", "--base-url", base_url)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["--error-rate", "1.5"], ["--syntax-error", "nan"], ["--latency", "-1"], ["--seed", "-1"]])
def test_a_wrong_knob_is_a_wrong_call(capsys, words):
    assert cli.main(["simulate", "--port", "0", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1


def test_a_wrong_share_is_told_by_its_option(capsys):
    assert cli.main(["simulate", "--port", "0", "--runaway-loop", "2"]) == 2
    assert capsys.readouterr().err == "cellblock: --runaway-loop=2.0: a share is between 0 and 1\n"


def test_a_port_that_is_taken_is_a_wrong_call(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert cli.main(["simulate", "--port", str(other.getsockname()[1])]) == 2
    assert "cannot serve on" in capsys.readouterr().err
