"""Faults that a real model makes, injected on purpose: each is a reply that the engine must survive."""

from __future__ import annotations

from collections.abc import Callable

FAULTS: dict[str, Callable[[str, str], str]] = {
    "syntax_error": lambda thought, cell: f"{thought}\n\n```repl\nfor item in in range(3):\n    print(item)\n{cell}```",
    "name_error": lambda thought, cell: f"{thought}\n\n```repl\nprepared = helper_that_nobody_defined(P)\n{cell}```",
    "final_misuse": lambda thought, _cell: f"{thought} The answer is ready.\n\nFINAL_VAR(variable_that_nobody_set)",
    "runaway_loop": lambda thought, _cell: f"{thought}\n\n```repl\nturns = 0\nwhile turns >= 0:\n    turns += 1\n```",
}
"""By the name of the setting: from what the good reply says and its cell to a bad reply."""
