"""The functions of the host that one run's cells may call, by all the names that models know them by."""

from __future__ import annotations

from ...repl.protocol import External
from ..tree import Run
from ..vocabulary import ALIASES
from .asks import Asks
from .children import Children, Spawn
from .json_calls import JSONCalls
from .subcalls import Subcalls
from .tool_calls import tool_externals


def externals_of(run: Run, spawn: Spawn) -> dict[str, External]:
    """In the order of the prompt, then aliases, then tools.

    Args:
        spawn: performs a child run on a question.
    """
    subcalls = Subcalls(run)
    own = {
        **subcalls.externals(),
        **JSONCalls(run, subcalls).externals(),
        **Children(run, spawn, subcalls).externals(),
        **Asks(subcalls).externals(),
    }
    return {**own, **{alias: own[name] for alias, name in ALIASES.items()}, **tool_externals(run)}
