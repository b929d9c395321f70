"""`cellblock demo`: the whole machine at work, without a key, a network or a language model."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import ConfigError
from . import options as o
from .calls import Call, build, result_of
from .terminal import console, one_line, safe, say, to_json, write

if TYPE_CHECKING:
    from ..engine.results import RunResult
    from ..host.context import Context
    from .board import Board

LATENCY_SECONDS = 0.2
"""Before each reply, as a network has it: without it the whole run is over before one has seen it."""
NO_MODEL = (
    f"No language model was called: a program that waits {LATENCY_SECONDS:g} s and then plays one wrote the cells. All the rest is real."
)
_LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"})

EPILOG = """
**Examples**

cellblock demo

cellblock demo -v

cellblock demo --json | jq .seconds
"""


def demo(
    sandbox: o.Sandbox = "monty", weak: o.Weak = False, json: o.Json = False, quiet: o.Quiet = False, verbose: o.Verbose = False
) -> None:
    """Answer a question about the source of Python's standard library, with a simulated model.

    The model is a program, so no key and no network are needed; sessions, jail, sub-calls and limits are the real ones.
    """
    from ..models import DEMO_QUESTION, SimulatedModel
    from .watch import Show, watching

    # Nothing of a demo is worth keeping, so its journal is in memory.
    model = SimulatedModel(latency_seconds=LATENCY_SECONDS)
    call = Call(question=DEMO_QUESTION, model=model, sandbox=sandbox, journal=":memory:", allow_weak_isolation=weak)
    ready = build(call)
    show = Show(json=json, verbose=verbose, quiet=quiet, recorded=False)
    with standard_library() as context, watching(show, max_steps=ready.rlm.limits.steps) as watcher:
        result = result_of(ready, DEMO_QUESTION, context, watcher, show)
    _publish(result, watcher.board, json)
    raise typer.Exit(0 if result.success else 1)


def standard_library() -> Context:
    """The standard library's own modules, tests left out.

    Raises:
        ConfigError: this Python came without sources.
    """
    from ..host.context import Context

    root = Path(sysconfig.get_paths()["stdlib"])
    names, texts = [], []
    for path in source_files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # a few modules of old versions are in Latin-1; a demo does without them
        names.append(path.relative_to(root).as_posix())
        texts.append(text)
    if not texts:
        raise ConfigError(f"no Python sources in {root}, which the demo reads")
    return Context.from_documents(texts, names=names)


def source_files(root: Path) -> Iterator[Path]:
    """The Python files below `root`, in order, without tests and installed packages."""
    for path in sorted(root.rglob("*.py")):
        if not _LEFT_OUT.intersection(path.relative_to(root).parts):
            yield path


def _publish(result: RunResult, board: Board, json: bool) -> None:
    if json:
        from .report import fields

        write(to_json({**fields(result, board), "question": board.question, "language_model_called": False}))
    elif sys.stdout is not None and sys.stdout.isatty():
        _draw(result, board)
    else:
        _list(result, board)
    if not result.success:
        say(f"cellblock: {one_line(result.error or 'no answer')}")


def _corpus(board: Board) -> dict[str, str]:
    return {"context": f"{board.context_chars:,} characters in {board.context_documents:,} files"}


def _list(result: RunResult, board: Board) -> None:
    from .view import facts

    figures = "\n".join(f"{name}: {text}" for name, text in {**_corpus(board), **facts(board)}.items())
    write(f"{safe(board.question)}\n\n{safe(result.answer)}\n\n{figures}\n\n{NO_MODEL}")


def _draw(result: RunResult, board: Board) -> None:
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    from .answers import drawn
    from .view import WIDTH, summary

    screen = console(sys.stdout)
    width = min(WIDTH, screen.width)
    answer = Group(Text(board.question, style="dim"), Text(), drawn(safe(result.answer)))
    screen.print(Panel(answer, title=Text("answer"), title_align="left", border_style="green" if result.success else "red", width=width))
    screen.print(summary(board, _corpus(board)), width=width)
    screen.print(Text(f"\n{NO_MODEL}", style="dim"), width=width)
