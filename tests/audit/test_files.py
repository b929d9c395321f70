"""The corpus that comes with Cellblock: enough of it, each file as it should be, and files that are not are refused by one clear line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cellblock.audit.attempts import CLASSES, WANTS, corpus_folder, load_attempt, load_corpus, whole
from cellblock.errors import ConfigError

ATTEMPTS = load_corpus()
FEWEST = {"A": 200, "B": 80, "C": 60, "D": 80, "E": 120, "F": 50, "G": 45, "H": 80, "I": 50}


def test_there_are_enough_in_every_class() -> None:
    counts = Counter(attempt.kind for attempt in ATTEMPTS)
    assert set(counts) == set(CLASSES)
    assert not {kind: counts[kind] for kind, fewest in FEWEST.items() if counts[kind] < fewest}


def test_every_file_says_why_it_could_work_and_no_two_are_the_same() -> None:
    assert not [attempt.id for attempt in ATTEMPTS if not attempt.about or "/" not in attempt.technique]
    sources = Counter(str(attempt.source) for attempt in ATTEMPTS)
    assert not [source for source, times in sources.items() if times > 1]


def test_every_file_of_the_folder_is_an_attempt() -> None:
    files = {path for path in corpus_folder().rglob("*") if path.is_file()}
    assert {path.name for path in files if path.suffix != ".toml"} == {"README.md"}
    assert len(files) == len(ATTEMPTS) + 1


def test_no_cell_holds_what_was_meant_to_be_a_step_or_an_expectation() -> None:
    meant = re.compile(
        r"^\W*\{ (?:cell|open|close|kill|dump|forge|load|fork|together|same|export|run|worker) = |\A(?:error|value|never)$", re.M
    )
    cells = [(attempt.id, whole(step.cell)) for attempt in ATTEMPTS for step in attempt.steps if step.cell is not None]
    assert not [id for id, cell in cells if meant.search(cell.strip())]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing required field"),
        ("class = 'A'\ntechnique = 't'\nsource = ['x']", "missing required field `expectation`"),
        ("class = 'B'\ntechnique = 't'\nsource = ['x']\n[expectation]", "class 'B' in the folder of 'A'"),
        ("class = 'Z'\ntechnique = 't'\nsource = ['x']\n[expectation]", "Invalid enum value 'Z'"),
        ("class = 'A'\ntechnique = 't'\nsource = [{ cell = 'x', open = 'B' }]\n[expectation]", "exactly one of"),
        ("class = 'A'\ntechnique = 't'\nsource = [{ sell = 'x' }]\n[expectation]", "unknown field `sell`"),
        ("class = 'A'\ntechnique = 't'\nsource = ['x']\nwants = ['money']\n[expectation]", "wants money; known: "),
        ("class = 'A'\ntechnique = 't'\nsource = ['x']\n[expectation]\noutcome = 'escaped'", "Invalid enum value 'escaped'"),
        ("class = \n", "Invalid value"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "A").mkdir()
    (path := tmp_path / "A" / "one.toml").write_text(text)
    with pytest.raises(ConfigError, match="one.toml: ") as refused:
        load_attempt(path, "A/one")
    assert why in str(refused.value) and "\n" not in str(refused.value)


def test_nothing_chosen_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no attempt of"):
        load_corpus(tmp_path)
    with pytest.raises(ConfigError, match="no attempt of"):
        load_corpus(ids=["A/no-such-thing"])


def test_pieces_make_a_text_and_placeholders_are_filled_in() -> None:
    assert whole(["a", ("b", 3), ("@N@;", 2), "@X@"], [("@X@", "y")]) == "abbb0;1;y"


def test_what_an_attempt_may_want_is_known() -> None:
    assert {want for attempt in ATTEMPTS for want in attempt.wants} <= set(WANTS)
