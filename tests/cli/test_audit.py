"""`cellblock audit` as somebody runs it."""

import json

import pytest


def test_a_few_attempts_on_one_sandbox(cellblock, tmp_path):
    done = cellblock("audit", "--sandbox", "monty", "--only", "A/subclasses", "--html", tmp_path / "audit.html", "-q")
    assert done.returncode == 0
    assert "all contained" in done.stdout.splitlines()[-1]
    assert "A language escape: tried=" in done.stdout
    assert "monty without a jail: " in done.stdout and "the jail alone: " in done.stdout
    assert (tmp_path / "audit.html").read_text().startswith("<!doctype html>")


def test_a_control_is_an_exit_code_of_1_only_where_it_shows_nothing(cellblock):
    done = cellblock("audit", "--sandbox", "exec", "--only", "A/subclasses", "--json")
    fields = json.loads(done.stdout)
    (system,) = fields["systems"]
    assert system["control"] and system["classes"]["A"]["escaped"] > 2
    assert fields["escaped"] == 0 and done.returncode == 1
    assert "no control showed: connections to" in fields["unseen_by_controls"]


def test_an_attempt_of_ones_own_that_escapes_is_told(cellblock, tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "mine.toml").write_text(
        'class = "A"\ntechnique = "t/mine"\nsource = ["\'to\' + \'ld\'"]\n[expectation]\nnever = ["told"]\n'
    )
    done = cellblock("audit", "--sandbox", "monty", "--walls", "both", "--corpus", tmp_path)
    assert done.returncode == 1
    assert "escaped: A/mine on monty: 'told' in a text (value) of session A" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 attempts, 1 not contained, 1 of them escapes"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--sandbox", "docker"], "nothing named 'docker' can be attacked; known: "),
        (["--sandbox", "monty", "--class", "Z"], "--class Z: one of A (language escape)"),
        (["--sandbox", "monty", "--walls", "none"], "--walls=none: one of both"),
        (["--sandbox", "monty", "--only", "A/no-such"], "no attempt of"),
        (["--system", "no.such:thing"], "no.such:thing: No module named 'no'"),
        (["--sandbox", "monty", "--corpus", "nowhere"], "no attempt of nowhere"),
        (["--sandbox", "monty", "--jobs", "0"], "'--jobs'"),
    ],
)
def test_a_wrong_call_is_one_clear_line(cellblock, words, why):
    done = cellblock("audit", *words)
    assert done.returncode == 2
    assert why in done.stderr and done.stderr.count("\n") == 1
