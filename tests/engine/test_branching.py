"""Checkpoints, forks and strategies as cells use them, in whole runs on every sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from cellblock import RLM, Models, RunLimits, ScriptedModel
from cellblock.engine.vocabulary import ALIASES
from cellblock.events import Branched
from cellblock.store.journal import Journal

from .acts import CHECKPOINT, cell, play, told, tried

pytestmark = pytest.mark.anyio


# -- checkpoints


async def test_a_checkpoint_is_of_the_end_of_its_cell(sandbox: str) -> None:
    played = await play(
        sandbox,
        "x = 1\nid = checkpoint.create('base')\nx = 2\nvfs.write('/plans/late', 'late')",
        "x = 3\nvfs.write('/plans/more', 'more')\nprint(id)",
        "checkpoint.restore('c1')",
        "FINAL([x, vfs.list()])",
    )
    assert played.value == [2, ["/plans/late"]]
    assert played.outputs[1] == "c1\n"


async def test_a_checkpoint_of_a_failing_cell_has_what_it_had_done(sandbox: str) -> None:
    played = await play(sandbox, "x = 1\ncheckpoint.create('a')\nx = 2\n1 / 0", "x = 3", "checkpoint.restore('c1')", "FINAL(x)")
    assert played.value == 2


@pytest.mark.parametrize("use", ["checkpoint.restore('c1')", "fork.create('c1', 'a')"])
async def test_a_checkpoint_cannot_be_used_in_its_own_cell(sandbox: str, use: str) -> None:
    got = (await play(sandbox, "checkpoint.create()\n" + tried(use) + "FINAL(got)")).value
    assert got == "RuntimeError: checkpoint 'c1' is taken when this cell has ended; use it in the next one"


async def test_going_back_brings_variables_functions_and_files_back(sandbox: str) -> None:
    played = await play(
        sandbox,
        "def f():\n    return 'old'\nrows = [1]\nvfs.write('/plans/p', 'one')\ncheckpoint.create()",
        "def f():\n    return 'new'\nrows.append(2)\nz = 1\nvfs.append('/plans/p', ' two')\nvfs.write('/scores/s', '9')",
        "checkpoint.restore('c1')\nprint(rows)",
        "try:\n    z\n    gone = False\nexcept NameError:\n    gone = True\nFINAL([f(), rows, gone, vfs.read('/plans/p'), vfs.list()])",
    )
    assert played.value == ["old", [1], True, "one", ["/plans/p"]]
    assert played.outputs[2] == "[1, 2]\n", "the cell that asks for it is not over yet"


async def test_one_checkpoint_can_be_gone_back_to_twice(sandbox: str) -> None:
    change = "log.append(1)\nvfs.append('/plans/p', ', more')\nvfs.write('/new', '')\ncheckpoint.restore('c1')"
    played = await play(sandbox, CHECKPOINT, change, change, "FINAL([log, x, vfs.read('/plans/p'), vfs.list()])")
    assert played.value == [["start"], 1, "plan", ["/plans/p"]]


async def test_the_answers_of_models_are_there_after_going_back_and_not_asked_for_again(sandbox: str) -> None:
    played = await play(sandbox, "a = llm_query('one')\ncheckpoint.create()", "a = 'other'", "checkpoint.restore('c1')", "FINAL(a)")
    assert played.value == "sub: one"
    assert played.result.subcalls == 1


async def test_checkpoints_are_listed_with_id_label_and_step(sandbox: str) -> None:
    played = await play(sandbox, "checkpoint.create('first')\nprint(checkpoint.list())", "checkpoint.create()", "FINAL(checkpoint.list())")
    assert played.value == [{"id": "c1", "label": "first", "step": 1}, {"id": "c2", "label": "", "step": 2}]
    assert played.outputs[0] == "[]\n"


async def test_a_checkpoint_is_of_the_branch_where_its_cell_ran_whatever_was_asked_for_first(sandbox: str) -> None:
    played = await play(
        sandbox,
        "x = 1\ncheckpoint.create()",
        "x = 2\ncheckpoint.restore('c1')\ncheckpoint.create()",
        "print(x)\ncheckpoint.restore('c2')",
        "FINAL(x)",
    )
    assert (played.outputs[2], played.value) == ("1\n", 2)


# -- forks


async def test_forks_begin_at_their_checkpoint_and_do_not_touch_the_main_line(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "x = 'main'\nfork.create('c1', 'a')\nfork.create('c1', 'b')",
        "ran = fork.run_all({'a': \"log.append('a')\\nx = x + 1\\nvfs.write('/evidence/a', 'a')\\nprint(x)\","
        " 'b': \"log.append('b')\\nprint(log, vfs.list())\"})",
        "FINAL([ran['a']['output'], ran['b']['output'], x, log, vfs.list()])",
    )
    assert played.value == ["2\n", "['start', 'b'] ['/plans/p']\n", "main", ["start"], ["/plans/p"]]


async def test_objects_that_the_main_line_shares_are_not_shared_with_a_fork(sandbox: str) -> None:
    played = await play(
        sandbox,
        "shared = {'rows': [1]}\nsame = shared['rows']\ncheckpoint.create()",
        "fork.create('c1', 'a')\nr = fork.run('a', \"same.append(2)\\nshared['rows'].append(3)\\nprint(shared, same)\")",
        "same.append('main')\nagain = fork.run('a', 'print(shared, same)')\nFINAL([r['output'], again['output'], shared, same])",
    )
    both = "{'rows': [1, 2, 3]} [1, 2, 3]\n"
    assert played.value == [both, both, {"rows": [1, "main"]}, [1, "main"]]


async def test_what_a_fork_s_cell_gives_is_a_dict(sandbox: str) -> None:
    code = "print('out')\\ny = 5\\ny + 1"
    played = await play(sandbox, CHECKPOINT, f"fork.create('c1', 'a')\nr = fork.run('a', \"{code}\")\nFINAL(r)")
    assert played.value == {"output": "out\n", "value": "6", "error": None, "final": None, "changed": ["y"]}


async def test_a_fork_s_failing_cell_is_told_and_what_it_did_before_is_kept(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nr = fork.run('a', \"y = 5\\nprint('before')\\n1 / 0\")",
        "FINAL([r['output'], r['error'], fork.run('a', 'y')['value']])",
    )
    assert played.value == ["before\n", "ZeroDivisionError: division by zero (line 3)", "5"]
    assert [(event.act, event.name, event.error) for event in played.of(Branched)][-2:] == [
        ("fork.run", "a", "ZeroDivisionError: division by zero (line 3)"),
        ("fork.run", "a", None),
    ]


async def test_an_answer_in_a_fork_is_told_and_ends_nothing(sandbox: str) -> None:
    played = await play(
        sandbox, CHECKPOINT, "fork.create('c1', 'a')\nr = fork.run('a', \"FINAL({'n': 7})\")", "FINAL([r['final'], 'main'])"
    )
    assert played.value == [{"n": 7}, "main"]
    assert played.result.steps == 3


async def test_a_variable_of_a_fork_stays_from_one_of_its_cells_to_the_next(sandbox: str) -> None:
    run = "fork.run('a', 'x += 1\\nx')"
    played = await play(sandbox, CHECKPOINT, f"fork.create('c1', 'a')\none = {run}", f"two = {run}\nFINAL([one['value'], two['value'], x])")
    assert played.value == ["2", "3", 1]


async def test_cells_run_in_the_fork_that_was_switched_to_and_back_in_the_main_line(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nx = 'main'\nfork.switch('a')\nprint(x)",
        "print(x, fork.list()[0]['current'], strategy.status()['current'])\nx = 'fork'\nvfs.write('/artifacts/a', 'a')",
        "print(x, vfs.list())\nfork.switch('main')",
        "print(x, vfs.list(), vfs.diff('a'))\nfork.switch('a')",
        "FINAL(x)",
    )
    assert played.outputs == [
        "",
        "main\n",
        "1 True a\n",
        "fork ['/artifacts/a', '/plans/p']\n",
        "main ['/plans/p'] {'/artifacts/a': 'added'}\n",
        "",
    ]
    assert played.value == "fork"


async def test_a_run_that_ends_on_a_fork_has_the_fork_s_files(sandbox: str) -> None:
    played = await play(sandbox, CHECKPOINT, "fork.create('c1', 'a')\nfork.switch('a')", "vfs.write('/artifacts/a', 'a')\nFINAL(1)")
    assert played.result.files == {"/artifacts/a": b"a", "/plans/p": b"plan"}


async def test_a_fork_can_be_made_from_a_checkpoint_of_another_fork(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.switch('a')",
        "x = 10\nvfs.write('/plans/a', 'of a')\ncheckpoint.create('in a')",
        "x = 11\nfork.create('c2', 'b')\nr = fork.run('b', 'x += 1\\nprint(x, vfs.list())')\n"
        "print(r['output'], [f['name'] for f in fork.list()])",
        "fork.switch('main')",
        "FINAL([x, fork.run('b', 'x')['value'], fork.run('a', 'x')['value']])",
    )
    assert played.value == [1, "11", "11"]
    assert played.outputs[3] == "11 ['/plans/a', '/plans/p']\n ['a', 'b']\n"


async def test_forks_have_scores(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.create('c1', 'b')\nfork.score('a', 1)\nfork.score('b', 0.5)\nfork.score('a', -2)",
        "fork.run('b', '1')\nFINAL(fork.list())",
    )
    assert played.value == [
        {"name": "a", "checkpoint": "c1", "score": -2.0, "runs": 0, "current": False},
        {"name": "b", "checkpoint": "c1", "score": 0.5, "runs": 1, "current": False},
    ]


DECISIONS = (
    "checkpoint.create()",
    "checkpoint.restore('c1')",
    "fork.create('c1', 'z')",
    "fork.run('a', '1')",
    "fork.run_all({'a': '1'})",
    "fork.switch('main')",
    "fork.score('a', 1)",
    "strategy.commit('a')",
)


@pytest.mark.parametrize("act", DECISIONS)
async def test_a_cell_that_fork_run_runs_decides_nothing(act: str) -> None:
    code = (tried(act) + "print(got)").replace("\n", "\\n").replace('"', '\\"')
    played = await play(
        "restricted", CHECKPOINT, f"fork.create('c1', 'a')\nr = fork.run('a', \"{code}\")\nFINAL([r['output'], r['error']])"
    )
    output, error = played.value
    assert output.startswith(f"RuntimeError: {act.partition('(')[0]}(): not in a cell that fork.run runs"), (output, error)


async def test_a_fork_cannot_run_a_cell_in_itself() -> None:
    got = (
        await play("restricted", CHECKPOINT, "fork.create('c1', 'a')\nfork.switch('a')", tried("fork.run('a', '1')") + "FINAL(got)")
    ).value
    assert got == "ValueError: fork.run(): that fork is where this cell runs; write the code here"


CHILD = """```repl
try:
    vfs.write('/plans/p', '')
    w = 'written'
except PermissionError:
    w = 'refused'
FINAL([vfs.read('/evidence/f'), w])
```"""


async def test_a_child_run_in_a_fork_reads_the_fork_s_files_and_counts(sandbox: str) -> None:
    code = "vfs.write('/evidence/f', 'f')\\nprint(rlm_query('child?'))"
    root = ScriptedModel([cell(CHECKPOINT), cell(f"fork.create('c1', 'a')\nFINAL(fork.run('a', \"{code}\")['output'])")], name="root")
    models = Models(root=root, children=[ScriptedModel([CHILD], name="child")])
    result = await RLM(models, sandbox=sandbox, journal=":memory:").arun("q", "c")
    assert result.value == "['f', 'refused']\n"
    assert (result.subcalls, set(result.usage.by_depth)) == (2, {0, 1})


# -- strategies


async def test_fault_6_10_a_commit_commits(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "x = 'main'\nvfs.write('/plans/main', 'm')\nfork.create('c1', 'a')\nfork.create('c1', 'b')",
        "fork.run_all({'a': \"x = 'a'\\ndef f():\\n    return 'f of a'\\nvfs.write('/artifacts/a', 'a')\", 'b': \"x = 'b'\"})",
        "strategy.commit('a', 'a is better')\nprint(x)",
        "FINAL([x, f(), log, vfs.list(), fork.list(), strategy.status()])",
    )
    committed = {"fork": "a", "rationale": "a is better", "step": 4}
    status = {"current": "main", "forks": [], "committed": [committed]}
    assert played.value == ["a", "f of a", ["start"], ["/artifacts/a", "/plans/p"], [], status]
    assert played.outputs[3] == "main\n"
    assert played.result.files == {"/artifacts/a": b"a", "/plans/p": b"plan"}


async def test_the_rationale_is_in_the_journal_and_the_forks_ends_too(tmp_path: Any) -> None:
    played = await play(
        "restricted",
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.create('c1', 'b')\nfork.score('a', 3)\nstrategy.commit('a', 'because')\nprint(1)",
        "FINAL(1)",
        journal=tmp_path / "j.db",
    )
    with Journal(tmp_path / "j.db") as journal:
        acts = [row.payload for row in journal.effects(played.result.run_id, kinds=["branch"])]
        forks = {run.task["fork"]: run for run in journal.runs(parent=played.result.run_id)}
    assert acts[-1] == {"act": "strategy.commit", "fork": "a", "rationale": "because"}
    assert {name: (run.status, run.result and run.result["ending"]) for name, run in forks.items()} == {
        "a": ("ended", "committed"),
        "b": ("ended", "dropped"),
    }
    assert forks["a"].result is not None and forks["a"].result["score"] == 3.0


@pytest.mark.parametrize("act", ["fork.switch('b')", "fork.create('c1', 'z')", "strategy.commit('b')", "checkpoint.restore('c1')"])
async def test_nothing_follows_a_commit_in_its_cell(act: str) -> None:
    played = await play(
        "restricted",
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.create('c1', 'b')\nfork.run('a', 'x = 7')",
        "strategy.commit('a')\n" + tried(act) + "print(got)",
        "FINAL([x, fork.list()])",
    )
    assert f"RuntimeError: {act.partition('(')[0]}(): a fork is committed when this cell has ended" in played.outputs[2]
    assert played.value == [7, []]


async def test_the_name_of_a_dropped_fork_is_free_again(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.run('a', 'x = 2')\nstrategy.commit('a')",
        "checkpoint.create()",
        "fork.create('c2', 'a')\nfork.run('a', 'x = x + 5')\nstrategy.commit('a')",
        "FINAL(x)",
    )
    assert played.value == 7


async def test_a_switched_fork_can_be_committed_from_itself(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT,
        "fork.create('c1', 'a')\nfork.switch('a')",
        "x = 5\nstrategy.commit('a', 'mine')\nx = 6",
        "FINAL([x, strategy.status()['current']])",
    )
    assert played.value == [6, "main"]


async def test_differences_and_single_files_go_between_branches(sandbox: str) -> None:
    played = await play(
        sandbox,
        CHECKPOINT + "\nvfs.write('/plans/q', 'q')",
        "fork.create('c1', 'a')\nfork.run('a', \"vfs.write('/plans/p', 'new')\\nvfs.delete('/plans/q')\\nvfs.write('/scores/s', '1')\")",
        "before = vfs.diff('a')\nvfs.promote('a', '/scores/s')\nvfs.promote('a', '/plans/p')",
        "FINAL([before, vfs.diff('a'), vfs.read('/plans/p'), vfs.read('/scores/s'), vfs.exists('/plans/q')])",
    )
    before = {"/plans/p": "changed", "/plans/q": "removed", "/scores/s": "added"}
    assert played.value == [before, {"/plans/q": "removed"}, "new", "1", True]


# -- names


async def test_the_names_that_models_have_learned_elsewhere_work(sandbox: str) -> None:
    played = await play(
        sandbox,
        "x = 1\nVFS_WRITE('/plans/p', 'plan')\nid = CHECKPOINT_CREATE('base')",
        "FORK_CREATE(id, 'a')\nFORK_CREATE(id, 'b')\nr = FORK_RUN('a', 'x = 2\\nprint(x)')\nFORK_SCORE('a', 1)",
        "seen = [VFS_READ('/plans/p'), VFS_LIST(), CHECKPOINT_LIST(), [f['score'] for f in FORK_LIST()], r['output']]\nFORK_SWITCH('b')",
        "y = STRATEGY_STATUS()['current']\nFORK_SWITCH('main')",
        "x = 9\nCHECKPOINT_RESTORE(id)",
        "z = x\nSTRATEGY_COMMIT('a', 'why')",
        "FINAL([x, VFS_READ('/plans/p')])",
    )
    assert played.value == [2, "plan"]
    used = "".join(call.messages[-1].content for call in played.root.calls)
    assert "NameError" not in used
    assert {alias for alias in ALIASES if alias.isupper()} == {
        "VFS_READ", "VFS_WRITE", "VFS_LIST", "CHECKPOINT_CREATE", "CHECKPOINT_RESTORE", "CHECKPOINT_LIST", "FORK_CREATE", "FORK_SWITCH",
        "FORK_LIST", "FORK_RUN", "FORK_SCORE", "STRATEGY_COMMIT", "STRATEGY_STATUS",
    }  # fmt: skip


async def test_without_forks_there_are_none_of_these_names(sandbox: str) -> None:
    got = await told(sandbox, "checkpoint.create()", limits=RunLimits(forks=0))
    assert got.startswith(("NameError: ", "AttributeError: "))
    assert (await told(sandbox, "vfs.list()", limits=RunLimits(forks=0))) == []
