"""The looks of a run: a `Board` becomes something that rich can draw, or one plain line. Pure as well."""

from __future__ import annotations

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .board import Board, Row

WIDTH = 100
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_MARKS = {"good": ("✓", "green"), "bad": ("✗", "red"), "note": ("·", "yellow")}


def panel(board: Board, now: float) -> RenderableType:
    """The live view at Unix time `now`, at most `WIDTH` columns wide."""
    title, below = Text("cellblock", style="bold"), footer(board)
    body = Group(
        Text(board.question or "…", style="bold", no_wrap=True, overflow="ellipsis"),
        Padding(_status(board, now), (1, 0)),
        *([_rows(board)] if board.rows else []),
    )
    return Panel(body, title=title, title_align="left", subtitle=below, subtitle_align="left", box=ROUNDED, border_style="dim", width=WIDTH)


def _status(board: Board, now: float) -> Table:
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    frame = " " if board.ended else _FRAMES[int(now * 10) % len(_FRAMES)]
    grid.add_row(f"{frame} step", Text(_where(board)), clock(board.seconds(now)))
    grid.add_row("  cells", Text(_cells(board)), "")
    grid.add_row("  sub-calls", Text(subcalls(board)), "")
    grid.add_row("  tokens", Text(_tokens(board)), "")
    return grid


def _where(board: Board) -> str:
    if not board.step:
        return board.doing
    most = f" of {board.max_steps}" if board.max_steps else ""
    return f"{board.step}{most} · {board.doing}"


def _cells(board: Board) -> str:
    return f"{board.cells:,} run" + (f" · {board.failed_cells:,} failed" if board.failed_cells else "")


def subcalls(board: Board) -> str:
    """How many are done, in flight, failed; child runs under way."""
    parts = [f"{board.subcalls_done:,} done"]
    if board.in_flight:
        parts.append(f"{len(board.in_flight):,} in flight")
    if board.subcalls_failed:
        parts.append(f"{board.subcalls_failed:,} failed")
    if board.children:
        parts.append(_count(board.children, "child run"))
    return " · ".join(parts)


def _tokens(board: Board) -> str:
    return f"{board.input_tokens:,} in, {board.output_tokens:,} out"


def _rows(board: Board) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(justify="right", style="dim", no_wrap=True, min_width=6)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for row in board.rows:
        sign, style = _MARKS[row.mark]
        grid.add_row(clock(row.seconds), Text(sign, style=style), Text("  " * row.depth + row.label), Text(row.text, style="dim"))
    return grid


def footer(board: Board) -> Text:
    """Where it runs and over what."""
    parts = [f"{board.model} on {board.sandbox}", size(board)] if board.sandbox else ["opening a session"]
    text = Text(" · ".join(parts), style="dim")
    if board.weak_isolation:
        text.append(" · weak isolation", style="bold red")
    return text


def size(board: Board) -> str:
    """The context's size in words."""
    return f"{_count(board.context_chars, 'character')} in {_count(board.context_documents, 'document')}"


def clock(seconds: float) -> str:
    """`4.2 s` below a minute, `3:07` below an hour, `1:03:07` above."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds + 0.05), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain(row: Row) -> str:
    """One line for a log."""
    return f"[{clock(row.seconds):>7}] {'  ' * row.depth}{row.label}: {'failed: ' if row.mark == 'bad' else ''}{row.text}"


def opening(board: Board) -> str:
    """One line about a run that begins."""
    return f"[{clock(0.0):>7}] {footer(board).plain}"


def progress(board: Board, now: float) -> str:
    """One line about sub-calls under way."""
    return f"[{clock(board.seconds(now)):>7}] sub-calls: {subcalls(board)}"


def total(board: Board) -> str:
    """One line about a run that ended: what it took, and its name in the journal."""
    calls = board.subcalls_done + board.subcalls_failed
    failed = f", {board.subcalls_failed:,} failed" if board.subcalls_failed else ""
    counts = [_count(board.step, "step"), _count(board.cells, "cell"), _count(calls, "sub-call") + failed]
    children = [_count(board.children_done, "child run")] if board.children_done else []
    named = [f"run {board.run_id}"] if board.names_run else []
    return f"[{clock(board.seconds(0.0)):>7}] {' · '.join([*counts, *children, f'tokens {_tokens(board)}', *named])}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def walls(board: Board) -> str:
    """The layers that are on, and those that are not with their reason; safe, on one line."""
    on = [name for name, state in board.layers.items() if state == "on"]
    off = [f"{name}: {state}" for name, state in board.layers.items() if state != "on"]
    return "; ".join([f"{len(on)} on ({', '.join(on)})" if on else "none on", *off])


def summary(board: Board, extra: dict[str, str]) -> Table:
    """What the run did, as a small table; `extra` comes first."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in {**extra, **facts(board)}.items():
        grid.add_row(name, Text(text))
    return grid


def facts(board: Board) -> dict[str, str]:
    """The figures of a run that ended."""
    ended = board.ended
    return {
        "steps": str(board.step if ended is None else ended.steps),
        "cells": _cells(board),
        "sub-calls": subcalls(board),
        "tokens": _tokens(board),
        "time": clock(board.seconds(0.0)),
        "sandbox": board.sandbox,
        "walls": walls(board),
    }
