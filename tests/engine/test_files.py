"""Virtual files as cells use them, in whole runs on every sandbox; and what a run leaves of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from responsive import responsive_loop

from cellblock import RLM, ExecLimits, Models, RunLimits, ScriptedModel
from cellblock.engine.run_files import recorded_files
from cellblock.errors import ConfigError
from cellblock.events import FileChanged
from cellblock.host.vfs import VfsLimits
from cellblock.models.protocol import Message

from .acts import cell, echo, play, told, tried

pytestmark = pytest.mark.anyio


async def test_files_are_written_read_appended_to_listed_and_deleted(sandbox: str) -> None:
    played = await play(
        sandbox,
        "vfs.write('/plans/a.txt', 'one')\nvfs.append('/plans/a.txt', ', zwei €')\nvfs.append('scores//b', '1')\nvfs.write('/x/y/z', '')",
        "seen = [vfs.read('/plans/a.txt'), vfs.list(), vfs.list('/plans'), vfs.list('/scores/b'), vfs.exists('/x/y'), vfs.exists('/no')]",
        "vfs.delete('/x/y/z')\nFINAL(seen + [vfs.exists('/x'), vfs.exists('/evidence'), vfs.list()])",
    )
    files = ["/plans/a.txt", "/scores/b", "/x/y/z"]
    assert played.value == ["one, zwei €", files, ["/plans/a.txt"], ["/scores/b"], True, False, False, True, files[:2]]
    assert played.changes == [
        ("write", "/plans/a.txt"),
        ("append", "/plans/a.txt"),
        ("append", "/scores/b"),
        ("write", "/x/y/z"),
        ("delete", "/x/y/z"),
    ]
    assert played.result.files == {"/plans/a.txt": "one, zwei €".encode(), "/scores/b": b"1"}


async def test_bytes_are_files_too(sandbox: str) -> None:
    played = await play(
        sandbox,
        "vfs.write('/b', b'\\x00\\xff')\n" + tried("vfs.read('/b')", "text") + "FINAL([vfs.read('/b', binary=True), text])",
    )
    assert played.value == [b"\x00\xff", "ValueError: vfs.read(): this file is not text; read(path, binary=True) gives its bytes"]


REFUSED = {
    "vfs.read('/no')": "FileNotFoundError: vfs.read(): no file '/no'; vfs.list() gives the paths of all",
    "vfs.read('/plans')": "IsADirectoryError: vfs.read(): '/plans' is a folder",
    "vfs.list('/no')": "FileNotFoundError: vfs.list(): ",
    "vfs.delete('/no')": "FileNotFoundError: vfs.delete(): ",
    "vfs.write('/plans', 'x')": "IsADirectoryError: vfs.write(): ",
    "vfs.write('/f/x', 'x')": "NotADirectoryError: vfs.write(): '/f' is a file",
    "vfs.write('/../etc/passwd', 'x')": "ValueError: vfs.write(): '/../etc/passwd': '..' cannot stand in a path",
    "vfs.write('/a\\\\b', 'x')": "ValueError: vfs.write(): ",
    "vfs.write('/a\\x1b[2J', 'x')": "ValueError: vfs.write(): '/a\\x1b[2J': a control character",
    "vfs.write('/' + 'a' * 5000, 'x')": "ValueError: vfs.write(): ",
    "vfs.write('/n', 5)": "TypeError: vfs.write(): data must be a str or bytes, not int",
    "vfs.write('/n')": "TypeError: vfs.write(): data must be a str or bytes, not NoneType",
    "vfs.write('/n', {'a': 1})": "TypeError: vfs.write(): data must be a str or bytes, not dict",
    "vfs.write(None, 'x')": "TypeError: vfs.write(): path must be a str, not None",
    "vfs.read(['/f'])": "TypeError: vfs.read(): path must be a str, not list",
    "vfs.read()": "TypeError: vfs.read(): path must be a str, not None",
    "vfs.read('/f', encoding='x')": "TypeError: vfs.read() got an unexpected keyword argument 'encoding'",
    "vfs.read('/f', True, 3)": "TypeError: vfs.read() takes at most 2 arguments (3 given)",
    "vfs.exists(float('nan'))": "TypeError: vfs.exists(): path must be a str, not float",
    "vfs.list({})": "TypeError: vfs.list(): path must be a str, not dict",
}


@pytest.mark.parametrize("call", REFUSED)
async def test_what_cannot_be_done_is_an_error_that_says_what_to_do(call: str) -> None:
    assert (await told("restricted", call, "vfs.write('/f', 'f')")).startswith(REFUSED[call])


async def test_the_errors_of_files_are_python_s_own(sandbox: str) -> None:
    code = "kinds = []\nfor path in ['/no', '/plans', '/f/x']:\n    try:\n        vfs.delete(path)\n    except FileNotFoundError:\n        kinds.append('F')\n    except IsADirectoryError:\n        kinds.append('I')\n    except OSError:\n        kinds.append('O')\n"  # noqa: E501
    assert (await play(sandbox, "vfs.write('/f', '')\n" + code + "FINAL(kinds)")).value == ["F", "I", "O"]


# -- children


def child_model(**cells: str) -> Any:
    """Writes the cell of the question's last word."""

    def reply(messages: list[Message]) -> str:
        text = messages[1].content
        return cell(next(code for name, code in cells.items() if f"child {name}" in text))

    return ScriptedModel(fallback=reply, name="child")


async def with_children(sandbox: str, *codes: str, depth: int = 1, **cells: str) -> Any:
    child = child_model(**cells)
    models = Models(root=ScriptedModel(list(map(cell, codes)), name="root"), children=[child, child], sub=echo())
    result = await RLM(models, sandbox=sandbox, journal=":memory:", limits=RunLimits(depth=depth)).arun("q", "c")
    assert result.success, result.error
    return result


async def test_a_child_run_reads_its_parent_s_files_and_writes_its_own_alone(sandbox: str) -> None:
    own = "vfs.write('/mine', 'child')\n"
    refusals = tried("vfs.write('/plans/p', 'x')", "a") + tried("vfs.append('/plans/p', 'x')", "b") + tried("vfs.delete('/plans/p')", "c")
    result = await with_children(
        sandbox,
        "vfs.write('/plans/p', 'plan')\ngot = rlm_query('child one')\nFINAL([got, vfs.list(), vfs.read('/plans/p')])",
        one=own + refusals + "FINAL([vfs.read('/plans/p'), vfs.list(), a, b, c])",
    )
    (read, listed, *refused), files, plan = result.value
    assert (read, listed, files, plan) == ("plan", ["/mine", "/plans/p"], ["/plans/p"], "plan")
    for how, error in zip(("write", "append", "delete"), refused, strict=True):
        assert error == f"PermissionError: vfs.{how}(): '/plans/p' is the parent run's, and can only be read; write to a path of your own"


async def test_fault_6_6_parallel_children_do_not_see_each_other_s_files(sandbox: str) -> None:
    code = "vfs.write('/evidence/e', P[:])\nllm_query('wait')\nFINAL([vfs.list(), vfs.read('/evidence/e')])"
    result = await with_children(
        sandbox, "FINAL([rlm_query_batched(['child a', 'child b'], ['text a', 'text b']), vfs.list()])", a=code, b=code
    )
    assert result.value == [[[["/evidence/e"], "text a"], [["/evidence/e"], "text b"]], []]


async def test_a_grandchild_reads_what_both_above_it_have_written(sandbox: str) -> None:
    result = await with_children(
        sandbox,
        "vfs.write('/plans/root', 'r')\nFINAL([rlm_query('child one'), vfs.list()])",
        depth=2,
        one="vfs.write('/plans/one', '1')\nFINAL([rlm_query('child two'), vfs.list()])",
        two=tried("vfs.write('/plans/one', '')") + "vfs.write('/plans/two', '2')\nFINAL([vfs.list(), got[:15]])",
    )
    all_three = ["/plans/one", "/plans/root", "/plans/two"]
    assert result.value == [[[all_three, "PermissionError"], all_three[:2]], ["/plans/root"]]


async def test_a_child_keeps_the_view_that_it_began_with() -> None:
    result = await with_children(
        "restricted",
        "vfs.write('/a', '1')\nfirst = rlm_query('child one')\nvfs.write('/a', '2')\nFINAL([first, rlm_query('child one')])",
        one="vfs.write('/own', '')\nFINAL(vfs.read('/a'))",
    )
    assert result.value == ["1", "2"]


# -- quotas and storms


async def test_quotas_are_errors_that_say_what_to_do_and_change_nothing(sandbox: str) -> None:
    played = await play(
        sandbox,
        "vfs.write('/a', 'x' * 4000000)\n" + tried("vfs.append('/a', 'x' * 4000000)", "large"),
        "n = 0\ntry:\n    while True:\n        vfs.write('/n' + str(n), '')\n        n += 1\nexcept OSError as e:\n    many = str(e)",
        "FINAL([large, n, many, len(vfs.list()), len(vfs.read('/a'))])",
    )
    large, n, many, files, size = played.value
    assert (
        large
        == "OSError: vfs.append(): vfs file_bytes=4,194,304 exceeded: 8,000,000; delete files that are no longer needed, or write less"
    )
    assert (n, many) == (499, "vfs.write(): vfs files=500 exceeded: 501; delete files that are no longer needed")
    assert (files, size) == (500, 4_000_000)


async def test_all_files_together_have_a_quota() -> None:
    code = (
        "for n in range(5):\n    "
        + tried("vfs.write('/f' + str(n), 'x' * 4000000)").replace("\n", "\n    ")
        + "\nFINAL([got, n, len(vfs.list())])"
    )
    got, n, files = (await play("restricted", code)).value
    assert got.startswith("OSError: vfs.write(): vfs total_bytes=16,777,216 exceeded: 20,000,000")
    assert (n, files) == (4, 4)


async def test_a_large_file_appended_to_a_thousand_times_holds_up_nobody(tmp_path: Path) -> None:
    started = time.perf_counter()
    code = "vfs.write('/a', 'x' * 4190000)\nfor n in range(990):\n    vfs.append('/a', 'yyyy')\nFINAL(len(vfs.read('/a')))"
    await play("restricted", "FINAL(1)")
    async with responsive_loop():
        played = await play("restricted", code, journal=tmp_path / "j.db", exec_limits=ExecLimits(wall_seconds=60, cpu_seconds=60))
    assert played.value == 4_190_000 + 990 * 4
    assert time.perf_counter() - started < 30
    assert (tmp_path / "j.db").stat().st_size < 30_000_000, "what is appended is on record, not the file"


async def test_keeping_all_that_a_run_may_write_holds_up_nobody(tmp_path: Path) -> None:
    large = "import random\nfor n in range(4):\n    vfs.write('/big' + str(n), str(random.random()) * 200000)\n"
    code = large + "for n in range(490):\n    vfs.write('/n' + str(n), str(n))"
    await play("restricted", "FINAL(1)")
    async with responsive_loop():
        played = await play("restricted", code + "\nFINAL(len(vfs.list()))", journal=tmp_path / "j.db")
    assert played.value == 494


async def test_a_storm_of_tiny_files_ends_at_the_quota_and_holds_up_nobody() -> None:
    code = (
        "bad = 0\nfor n in range(4000):\n    try:\n        vfs.write('/n' + str(n), '')\n    except OSError:\n        bad += 1\nFINAL(bad)"
    )
    await play("restricted", "FINAL(1)")
    async with responsive_loop():
        played = await play("restricted", code, exec_limits=ExecLimits(host_calls=4_000, wall_seconds=60, cpu_seconds=60))
    assert played.value == 3_500


# -- what a run leaves


async def test_a_run_s_files_are_kept_beside_its_record_and_can_be_exported(tmp_path: Path) -> None:
    played = await play("restricted", "vfs.write('/plans/a', 'a')\nvfs.write('/b', b'\\xff')\nFINAL(1)", journal=tmp_path / "j.db")
    async with played.rlm.engine.store() as store:
        links = store.blobs.links(f"run:{played.result.run_id}")
        kept = {name: store.blobs.get(blob) for name, blob in links.items() if name.startswith("file:")}
    assert kept == {"file:/plans/a": b"a", "file:/b": b"\xff"}
    out = tmp_path / "out"
    assert played.result.export(out) == [out / "b", out / "plans" / "a"]
    assert (out / "plans" / "a").read_bytes() == b"a"
    with pytest.raises(ConfigError, match="is not empty"):
        played.result.export(str(out))
    (out / "plans" / "a").write_bytes(b"old")
    played.result.export(out, overwrite=True)
    assert (out / "plans" / "a").read_bytes() == b"a"


async def test_a_run_without_files_leaves_none(sandbox: str) -> None:
    assert (await play(sandbox, "FINAL(vfs.list())")).result.files == {}


async def test_a_cell_does_not_reach_files_of_the_machine(sandbox: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("safe")
    played = await play(sandbox, f"vfs.write({str(victim)!r}, 'x')\n" + tried("vfs.read('/etc/passwd')") + "FINAL([got, vfs.list()])")
    got, listed = played.value
    assert got.startswith("FileNotFoundError") and listed == [str(victim)]
    assert victim.read_text() == "safe"
    out = tmp_path / "out"
    played.result.export(out)
    assert [str(Path(folder, name).relative_to(out)) for folder, _, names in os.walk(out) for name in names] == [str(victim)[1:]]


async def test_the_quotas_are_those_of_the_settings() -> None:
    root = ScriptedModel([cell(tried("vfs.write('/a', 'xxx')") + "FINAL(got)")])
    rlm = RLM(root, sandbox="restricted", journal=":memory:")
    rlm.engine = rlm.engine.with_settings(vfs=VfsLimits(file_bytes=2))
    assert (await rlm.arun("q", "c")).value.startswith("OSError: vfs.write(): vfs file_bytes=2 exceeded: 3")


async def test_each_change_is_told_with_its_size(sandbox: str) -> None:
    played = await play(sandbox, "vfs.write('/a', 'zwei €')\nvfs.delete('/a')\nFINAL(1)")
    assert [(event.how, event.path, event.size, event.step) for event in played.of(FileChanged)] == [
        ("write", "/a", 8, 1),
        ("delete", "/a", 0, 1),
    ]


async def test_a_branched_run_has_its_own_files_alone(tmp_path: Path) -> None:
    journal = str(tmp_path / "j.db")
    model = ScriptedModel([cell("vfs.write('/a', '1')"), cell("vfs.write('/b', '2')\nFINAL(1)")])
    first = RLM(model, sandbox="restricted", journal=journal)
    run_id = (await first.arun("q", "c")).run_id
    other = await first.recorded(run_id).abranch(2, "FINAL(2)")
    async with first.engine.store() as store:
        assert [recorded_files(store, one) for one in (run_id, other.run_id)] == [{"/a": b"1", "/b": b"2"}, {"/a": b"1"}]


async def test_what_is_kept_is_what_the_resumed_run_has_and_nothing_of_an_attempt_before(tmp_path: Path) -> None:
    cells = ("vfs.write('/a', '1')\nvfs.write('/b', '2')", "vfs.delete('/a')\nvfs.append('/b', '3')", "FINAL(vfs.list())")
    cut_off_once = [True]

    async def model(messages: list[Message]) -> str:
        step = sum(message.role == "assistant" for message in messages)
        if step == 1 and cut_off_once:
            scope.cancel()
            await anyio.sleep_forever()
        return cell(cells[step])

    rlm, runs = RLM(model, sandbox="restricted", journal=tmp_path / "j.db"), list[str]()
    with anyio.CancelScope() as scope:
        await rlm.arun("q", "c", on_event=lambda event: runs.append(event.run_id))
    assert await rlm.recorded(runs[0]).afiles() == {"/a": b"1", "/b": b"2"}
    cut_off_once.clear()
    assert (await rlm.aresume(runs[0])).value == ["/b"]
    assert await rlm.recorded(runs[0]).afiles() == {"/b": b"23"}
