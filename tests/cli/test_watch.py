"""Who follows a run sees it as it happens."""

from pathlib import Path

import pytest

from cellblock.cli.watch import Show, watching
from cellblock.errors import ConfigError
from cellblock.events import Trace

from . import events as e

pytestmark = pytest.mark.anyio


async def follow(show, *events):
    with watching(show, max_steps=20) as watcher:
        for event in events:
            watcher.see(event)
    return watcher


RUN = (e.started(), e.asked(), e.answered(), e.cell_started(), e.cell_ended(), e.ended())


async def test_without_a_terminal_progress_is_plain_lines_on_standard_error(capsys):
    await follow(Show(), *RUN)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "[  0.0 s] simulated on monty · 1,234 characters in 2 documents",
        "[  1.0 s] step 1: 4 tokens in 1.2 s",
        "[  1.2 s] cell 1.1: 1",
        "[  7.5 s] 1 step · 1 cell · 0 sub-calls · tokens 90 in, 9 out · run r1",
    ]


async def test_files_and_branches_are_told_on_one_safe_line_each_verbose_or_not(capsys):
    acts = (
        e.file_changed("write", "/plans/[red]a", size=3),
        e.branched("fork.create", "a"),
        e.branched("fork.run", "a", error="X: \x1b[2J\n"),
    )
    for show in (Show(), Show(verbose=True)):
        await follow(show, e.started(), *acts)
        assert capsys.readouterr().err.splitlines()[1:] == [
            "[  1.2 s] file write: /plans/[red]a, 3 bytes",
            "[  1.2 s] fork.create: a",
            r"[  1.2 s] fork.run: failed: a: X: \x1b[2J",
        ]


async def test_quiet_says_nothing(capsys):
    await follow(Show(quiet=True), *RUN)
    assert capsys.readouterr() == ("", "")


async def test_many_sub_calls_make_few_lines(capsys):
    calls = [event(f"c{n}", "subcall", at=102.0 + n / 10) for n in range(200) for event in (e.asked, e.answered)]
    await follow(Show(), e.started(), e.asked("slow", "subcall"), *calls)
    lines = [line for line in capsys.readouterr().err.splitlines() if "sub-calls" in line]
    assert len(lines) == 4
    assert lines[0] == "[  5.0 s] sub-calls: 30 done · 2 in flight"


async def test_verbose_shows_code_output_and_error_as_text(capsys):
    cells = [
        e.cell_started("print('[/b]\x1b[2J')"),
        e.cell_ended(stdout="[/b]\x1b[2J\n", value_preview="7", error="KeyError: 'a' (line 1)"),
    ]
    await follow(Show(verbose=True, quiet=True), e.started(), *cells)
    assert capsys.readouterr().err.splitlines() == [
        "── cell 1.1",
        r"│ print('[/b]\x1b[2J')",
        "── output of cell 1.1",
        r"│ [/b]\x1b[2J",
        "│ 7",
        "── error in cell 1.1",
        "│ KeyError: 'a' (line 1)",
    ]


async def test_verbose_names_the_child_run_of_a_cell(capsys):
    await follow(Show(verbose=True, quiet=True), e.started(), e.cell_started("x", run_id=e.CHILD, depth=1))
    assert capsys.readouterr().err.splitlines() == ["  ── cell 1.1 of r1/1", "  │ x"]


async def test_the_trace_holds_each_event_as_soon_as_it_happened(tmp_path):
    path = tmp_path / "trace.jsonl"
    with watching(Show(trace=path, quiet=True), max_steps=1) as watcher:
        for number, event in enumerate(RUN, 1):
            watcher.see(event)
            assert list(Trace.from_jsonl(path.read_bytes())) == list(RUN[:number])


async def test_half_a_surrogate_pair_does_not_break_the_trace(tmp_path):
    path = tmp_path / "trace.jsonl"
    await follow(Show(trace=path, quiet=True), e.answered(text="a\ud83d"))
    assert [event.text for event in Trace.from_jsonl(path.read_bytes())] == ["a?"]


async def test_a_full_disk_spoils_the_trace_and_not_the_run():
    watcher = await follow(Show(trace=Path("/dev/full"), quiet=True), *RUN)
    assert watcher.board.ended is not None
    with pytest.raises(OSError, match="the trace is incomplete: No space left on device"):
        watcher.check_trace()


async def test_a_trace_that_cannot_be_opened_is_a_wrong_call(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory"):
        await follow(Show(trace=tmp_path / "no" / "trace.jsonl"), *RUN)
