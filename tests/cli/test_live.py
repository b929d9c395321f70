"""The live view on a real terminal: a pseudo-terminal of the test's own."""

import os
import pty
import subprocess
import threading
from contextlib import suppress

import pytest

from .conftest import COMMAND, environment

HOSTILE = "How many lines mention needle? \x1b]0;pwned\x07\x9b31m [/bold] [red]"


def on_a_terminal(home, *words, env=None, both=False, typed=None):
    """Exit code, standard output (a pipe, or the terminal where it is for both) and what the terminal was sent on standard error."""
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read():
        # A terminal whose other end has gone is an OSError on Linux, not an end of file.
        with suppress(OSError):
            while data := os.read(ours, 65_536):
                seen.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        command = [*COMMAND, *map(str, words)]
        stdout = theirs if both else subprocess.PIPE
        stdin = None if typed is None else theirs
        if typed is not None:
            os.write(ours, typed.encode())
        with subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=theirs, env={**environment(home), **(env or {})}) as process:
            os.close(theirs)
            out, _ = process.communicate(timeout=60)
        reader.join(10)
    finally:
        os.close(ours)
    return process.returncode, (out or b"").decode(), bytes(seen).decode()


@pytest.fixture
def text(tmp_path):
    """A small file."""
    path = tmp_path / "a.txt"
    path.write_text("hay\nneedle\n")
    return path


def test_a_terminal_gets_a_live_view_and_the_pipe_the_answer_alone(home, text):
    code, out, seen = on_a_terminal(home, "run", "How many lines mention needle?", "-c", text, "-m", "simulated:latency_seconds=0.3")
    assert code == 0, seen
    assert "cellblock" in seen and "asking simulated" in seen
    assert out.strip() and "\x1b" not in out and "cellblock" not in out


def test_the_cursor_is_shown_again_in_the_end(home, text):
    _, _, seen = on_a_terminal(home, "run", "How many lines mention needle?", "-c", text, "-m", "simulated")
    assert seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l") >= 0


def test_nothing_in_a_question_steers_the_terminal(home, text):
    _, out, seen = on_a_terminal(home, "run", HOSTILE, "-c", text, "-m", "simulated", "-v")
    assert "\x1b]0;" not in seen + out and "\x07" not in seen + out and "\x9b" not in seen + out
    assert r"\x1b]0;pwned\x07" in seen and "[/bold] [red]" in seen


def test_without_colours_the_live_view_has_none(home, text):
    _, _, seen = on_a_terminal(home, "run", "How many lines?", "-c", text, "-m", "simulated", env={"NO_COLOR": "1"})
    assert "\x1b[3" not in seen and "\x1b[9" not in seen


def test_a_terminal_that_can_do_nothing_gets_plain_lines(home, text):
    _, _, seen = on_a_terminal(home, "run", "How many lines?", "-c", text, "-m", "simulated", env={"TERM": "dumb"})
    assert "\x1b" not in seen and "step 1" in seen
