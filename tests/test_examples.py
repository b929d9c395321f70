"""Every example runs as it stands, without a key, and says what its reader would expect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
LONGEST = 40
"""Lines that no example has."""
EXPECTED: dict[str, tuple[str, ...]] = {
    "any_endpoint.py": ("It is k-12... 1\n",),
    "batch_extraction.py": ("2025-02-11     80.00  Contoso AG\n", "2025-04-30    310.25  Fabrikam Inc\n", "3 sub-calls in 1 step\n"),
    "budget.py": (
        "success: False\nending:  budget\nerror:   the run's tokens=6000 exceeded: ",
        "partial: timeouts: 500\n",
        "MaxTokensExceeded: tokens, of 6000 allowed; its result is the same: True\n",
    ),
    "cached.py": ("3 calls made, ['call', 'call', 'call']\n", "0 calls made, ['cache', 'cache', 'cache']\n"),
    "conversation.py": ("1200\n130\n['1200', '130', 1200, 1330]\n3 turns\n",),
    "custom_adapter.py": ("200 mine:counting-1\n",),
    "first_steps.py": ("1429\n", "no language model was called\n"),
    "folder_of_files.py": ("50 documents, 210,442 characters\n7, 33\n",),
    "guards_and_policies.py": (
        "Refused: no cell has run yet;",
        "Refused: the FINAL in the text was ignored",
        "reply 1 refused: no cell has run yet;",
        "reply 3 refused: no sub-call was made yet;",
        'It is green: "The colour is green."\n',
    ),
    "hypotheses.py": (
        "['german', 1202559.8, '1202559.8'] {'/artifacts/total.txt': b'1202559.8'}\n",
        "checkpoint.create rows read \n",
        "fork.run english ValueError: could not convert string to float: '1.201.20050' (line 1)\n",
        "strategy.commit german \n",
    ),
    "multi_tier.py": (
        "4 of 12 letters are complaints. They ask for their money back.\n",
        "    big:  1 calls, $0.00",
        "  small: 12 calls, $0.00",
        " medium:  1 calls, $0.00",
        "  total: 14 calls, $0.00",
        "the big model alone: $0.01",
    ),
    "recursion.py": ("{'chapters': [3, 6, 9], 'book': 18}\ndepth 0: 1 model calls\ndepth 1: 3 model calls\ndepth 2: 6 model calls\n",),
    "resume.py": (
        "cut off after 4 calls\n36 after 5 calls in all\n",
        "the replay is the same: True and asked nobody: 5 calls\n",
    ),
    "router.py": ("baseline, no profile: On Tuesday at ten.\n", "rlm, DETERMINISTIC_FIRST: on Thursday at nine\n"),
    "sandbox_only.py": ("1.25\nExecError(kind='PermissionError'", "wall_seconds=1 exceeded", "\n1.25\n"),
    "streaming.py": ("0 RunStarted\n", "0 ModelAsked\n0 ModelAnswered\n", "0 CellStarted\n", "0 CellEnded\n", "0 RunEnded\n103.25\n"),
    "tools.py": (
        "ValueError: in_stock(): at_least: Input should be a valid integer",
        "{'missing': ['pear', 'plum'], 'child': \"name 'order' is not defined\"}\n",
    ),
    "typed_answer.py": (
        "refused: the answer does not fit what was asked for: notice_days: ",
        "Verdict(renews=True, notice_days=90, clause='§7')\n",
    ),
}
"""What each one prints, in this order."""


def test_every_example_is_expected() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_is_short_and_begins_with_what_it_shows(name: str) -> None:
    lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) < LONGEST
    assert lines[0].startswith('"""') and lines[0].endswith('"""')


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_runs_without_a_key_and_prints_what_it_promises(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], capture_output=True, text=True, encoding="utf-8", timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rest = done.stdout
    for fragment in EXPECTED[name]:
        before, found, rest = rest.partition(fragment)
        assert found, f"{fragment!r} is not in {before!r}"
    assert list(tmp_path.iterdir()) == []
