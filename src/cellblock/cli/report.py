"""The one JSON object of `--json`, and what a failed run says on standard error."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .board import Board
from .terminal import one_line

if TYPE_CHECKING:
    from ..engine.results import RunResult


SIMULATED = "No language model was called: the simulated model, a program, wrote the cells and the answers."


def is_simulated(board: Board) -> bool:
    """Whether a program played the root model."""
    provider, _, name = board.model.partition(":")
    return "simulated" in (provider, name)


def fields(result: RunResult, board: Board) -> dict[str, Any]:
    """A run that ended, as plain data. Bytes in `value` become base64 text."""
    return {
        "answer": result.answer,
        "value": result.value,
        "success": result.success,
        "ending": result.ending,
        "verified": result.verified,
        "error": result.error,
        "run_id": result.run_id,
        "steps": result.steps,
        "subcalls": result.subcalls,
        "cells": board.cells,
        "seconds": round(board.seconds(0.0), 3),
        "usage": asdict(result.usage),
        **_place(board),
    }


def broken_fields(error: Exception, board: Board) -> dict[str, Any]:
    """A run that ended in an exception, under the same names: what was seen of it until then."""
    ended = board.ended
    return {
        "answer": "",
        "value": None,
        "success": False,
        "ending": "failed",
        "verified": None,
        "error": one_line(str(error), 2_000),
        "run_id": board.run_id,
        "steps": board.step,
        "subcalls": board.subcalls_done + board.subcalls_failed if ended is None else ended.subcalls,
        "cells": board.cells,
        "seconds": None if ended is None else round(ended.seconds, 3),
        "usage": {
            "input_tokens": board.input_tokens,
            "output_tokens": board.output_tokens,
            "cached_tokens": None,
            "calls": None,
            "cost_usd": None if ended is None else ended.cost_usd,
            "estimated": None,
        },
        **_place(board),
    }


def _place(board: Board) -> dict[str, Any]:
    context = {"characters": board.context_chars, "documents": board.context_documents}
    return {
        "model": board.model,
        **({"note": SIMULATED} if is_simulated(board) else {}),
        "sandbox": board.sandbox,
        "layers": dict(board.layers),
        "weak_isolation": board.weak_isolation,
        "context": context,
    }
