"""`cellblock demo` shows the whole machine, and says that no language model was called."""

import json
import sysconfig
from pathlib import Path

from cellblock.cli.demo import source_files


def test_the_demo_answers_over_the_real_standard_library(cellblock):
    done = cellblock("demo", "--json", "-q")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["success"] is True and told["answer"] and told["subcalls"] > 0
    assert told["language_model_called"] is False
    assert 10_000_000 < told["context"]["characters"] < 30_000_000


def test_the_demo_says_in_words_that_no_language_model_was_called(cellblock):
    done = cellblock("demo", "-q")
    assert "No language model was called" in done.stdout and "walls: " in done.stdout


def test_the_corpus_has_no_tests_and_no_installed_packages():
    root = Path(sysconfig.get_paths()["stdlib"])
    folders = {folder for path in source_files(root) for folder in path.relative_to(root).parts[:-1]}
    assert folders and not folders & {"test", "tests", "site-packages", "__pycache__"}
