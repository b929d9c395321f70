"""Options of `cellblock run` about what an answer has to be and what is behind it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellblock import cli
from cellblock.store.journal import Journal


@pytest.fixture
def context(tmp_path: Path) -> str:
    path = tmp_path / "log.txt"
    path.write_text("error: a\nok\nerror: b\n")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.main(["run", "-q", "-m", "simulated", *args])
    done = capsys.readouterr()
    return code, done.out, done.err


COUNT = "How many lines contain 'error'?"


def test_a_policy_is_obeyed(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, COUNT, "-c", context, "--policy", "depth_strict", "--json")
    told = json.loads(out)
    assert code == 0
    assert "sub_root_call" in {part["role"] for part in told["usage"]["parts"]}


def test_a_policy_of_ones_own_is_read_from_its_file(context: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "careful.json"
    path.write_text('{"careful": {"guards": {"min_steps": 99}}}')
    code, _, err = run(capsys, COUNT, "-c", context, "--policy", str(path))
    assert code == 2
    assert "min_steps=99 with steps=20" in err


def test_an_unknown_policy_is_one_clear_line(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, COUNT, "-c", context, "--policy", "strictest")
    assert (code, err.count("\n")) == (2, 1)
    assert "no policy named 'strictest'; known: baseline" in err


def test_the_answer_has_to_fit_the_schema(context: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.json").write_text('{"type": "integer"}')
    code, out, _ = run(capsys, COUNT, "-c", context, "--output-schema", str(tmp_path / "s.json"), "--json")
    assert (code, json.loads(out)["value"]) == (0, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1]", "a JSON object is needed"), ('{"type": "many"}', "s.json: schema.type: one of string"), (None, "No such file")],
)
def test_a_schema_that_is_none_is_one_clear_line(
    context: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    path = tmp_path / "s.json"
    if text is not None:
        path.write_text(text)
    code, _, err = run(capsys, COUNT, "-c", context, "--output-schema", str(path))
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_a_verified_answer_says_so(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, COUNT, "-c", context, "--verify", "--json")
    told = json.loads(out)
    assert (code, told["verified"], told["ending"]) == (0, True, "final")


def test_a_verified_answer_says_so_to_the_eye_too(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", COUNT, "-c", context, "-m", "simulated", "--verify"]) == 0
    err = capsys.readouterr().err
    assert err.count("] verifier: ") == 2
    assert "Verified: the answer passed its checks" in err


def test_verify_asks_for_no_fewer_checks_than_the_policy(context: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, record = tmp_path / "careful.json", tmp_path / "journal.db"
    path.write_text('{"careful": {"guards": {"verifications": 3}}}')
    assert run(capsys, COUNT, "-c", context, "--policy", str(path), "--verify", "--journal", str(record))[0] == 0
    with Journal(record) as journal:
        (only,) = journal.runs()
        roles = [effect.payload["role"] for effect in journal.effects(only.run_id) if effect.kind == "ask"]
    assert roles.count("verifier") == 3


def test_an_address_of_a_cache_is_not_taken_for_a_folder(
    context: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    code, _, err = run(capsys, COUNT, "-c", context, "--cache", "ftp://host")
    assert (code, err.count("\n")) == (2, 1)
    assert "no cache at 'ftp://'" in err
    assert set(tmp_path.iterdir()) == before


def test_a_cache_is_made_where_it_is_named(context: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "kept.db"
    assert run(capsys, COUNT, "-c", context, "--cache", str(place))[0] == 0
    assert place.is_file()


def test_money_can_be_limited(context: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, COUNT, "-c", context, "--max-cost", "0.5")[0] == 0
    code, _, err = run(capsys, COUNT, "-c", context, "--max-cost", "-1")
    assert (code, err.count("\n")) == (2, 1)
    assert "--max-cost=-1" in err
