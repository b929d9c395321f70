"""The functions of the host that one run's cells may call, by all the names that models know them by."""

from __future__ import annotations

from ...repl.protocol import External
from ..branches import Branches
from ..tree import Run
from ..vocabulary import ALIASES
from .asks import Asks
from .branching import Branching
from .children import Children, Spawn
from .files import Files
from .json_calls import JSONCalls
from .subcalls import Subcalls
from .tool_calls import tool_externals


def externals_of(run: Run, spawn: Spawn, branches: Branches) -> dict[str, External]:
    """In the order of the prompt, then aliases, then tools.

    Args:
        spawn: performs a child run on a question.
        branches: of the run that `run` is, or is a fork of.
    """
    subcalls, files = Subcalls(run), Files(run, branches)
    own = {
        **subcalls.externals(),
        **JSONCalls(run, subcalls).externals(),
        **Children(run, spawn, subcalls).externals(),
        **Asks(subcalls).externals(),
        **files.externals(),
        **(Branching(run, branches).externals() | files.of_forks() if run.budget.limits.forks else {}),
    }
    aliases = {alias: own[name] for alias, name in ALIASES.items() if name in own}
    return {**own, **aliases, **tool_externals(run)}
