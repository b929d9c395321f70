"""The suite: its files are read as described, it runs on sandboxes of others, and it sees what is wrong."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from case_externals import FILES, Externals
from oracle import Oracle

from cases import CaseError, Observed, all_cases, parse, problems

ROOT = Path(__file__).parents[2]
NAKED = ROOT / "sandboxes" / "naked"
CASE = """# Shows something.
# context: {"a": "x" * 3,
#     "b": "y"}
# far: echo, refuse
# limits: wall_seconds=0.5

x = 1
1 / 0
# %% set y = [1, 2.0]
# %% quoted
# print(x
# expected
#> one
#| rest
#! ZeroDivisionError|Other: by zero @2
#~ changed: x
# %%
# %%
#? limit wall_seconds|cpu_seconds
#. {'a': 1}
"""


def test_a_case_file_is_read_as_described() -> None:
    case = parse("area/name", CASE)
    assert (case.says, case.context, case.far) == ("Shows something.", {"a": "xxx", "b": "y"}, ("echo", "refuse"))
    assert case.limits == {"wall_seconds": 0.5}
    assert [(step.kind, step.code, step.name, step.value) for step in case.steps] == [
        ("cell", "x = 1\n1 / 0", "", None),
        ("set", "", "y", [1, 2.0]),
        ("cell", "print(x", "", None),
    ]
    first, _, last = case.expected
    assert (first.stdout, first.notes, last.final, last.may_pass) == ("one\nrest", {"changed": "x"}, "{'a': 1}", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n# expected\n", "the first line"),
        ("# Says.\nx = 1\n", "# expected"),
        ("# Says.\nx = 1\n# expected\n# %%\n", "1 steps, 2 expectations"),
        ("# Says.\n# %% jump\n# expected\n", "no step 'jump'"),
        ("# Says.\nx = 1\n# expected\nx\n", "no expectation"),
        ("# Says.\n# far: echo\n# near: echo\n\nx = 1\n# expected\n", "no header"),
    ],
)
def test_a_case_file_that_is_wrong_is_refused(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        parse("area/name", text)


@pytest.mark.parametrize(
    "observed",
    [
        Observed(stdout="1\n", preview="2", error=("ValueError", "a text", 2), final="3"),
        Observed(stdout="1", preview="2", final="3"),
        Observed(stdout="1\n", preview="2", final="3.0"),
        Observed(stdout="1\n", preview=None, final="3"),
    ],
)
def test_what_differs_is_seen(observed: Observed) -> None:
    case = parse("area/name", "# Says.\nx\n# expected\n#> 1\n#= 2\n#. 3\n")
    assert not problems(case, [Observed(stdout="1\n", preview="2", final="3")])
    assert problems(case, [observed])


def test_there_are_enough_cases_and_every_one_reads_as_python_and_expects_something() -> None:
    cases = all_cases()
    assert len(cases) >= 150
    assert {case.id.partition("/")[0] for case in cases} >= {
        "language", "stdlib", "ctx", "externals", "limits", "errors", "output", "unicode", "determinism", "values", "state"
    }  # fmt: skip
    for path in (ROOT / "sandboxes" / "cases").rglob("*.py"):
        ast.parse(path.read_text("utf-8"))
    assert not [case.id for case in cases if set(case.far) - {FILES, *dir(Externals)}]


@pytest.mark.parametrize(
    ("body", "message"), [("# limits: no_such_limit=5\n\nx", "no_such_limit"), ("\nimport os\nos._exit(3)", "process died")]
)
def test_the_oracle_reports_its_own_failure(oracle: Oracle, body: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        oracle.run(parse("area/name", f"# Says.\n{body}\n# expected\n"))
    assert oracle.run(parse("area/name", "# Says.\n\n1 + 1\n# expected\n"))[0].preview == "2"


def test_the_suite_runs_on_a_sandbox_that_a_package_adds(tmp_path: Path) -> None:
    about = tmp_path / "sandbox_of_others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sandbox-of-others\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[cellblock.sandboxes]\nothers = others_sandbox:spec\n")
    source = (
        "from pathlib import Path\nfrom cellblock.repl.guests import GuestSpec\ndef spec():\n    return GuestSpec.from_folder(Path({!r}))\n"
    )
    (tmp_path / "others_sandbox.py").write_text(source.format(str(NAKED)))
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "no:cacheprovider",
        "tests/conformance",
        "--sandbox",
        "others",
        "-k",
        "language/closures",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout
    assert "test_case[others-language/closures] PASSED" in told, told[-2_000:]
    assert "2 passed" in told
