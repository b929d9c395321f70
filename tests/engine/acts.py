"""Whole runs on a real sandbox whose model writes the given cells, a reply each: for what cells do to files and branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cellblock import RLM, RunResult, ScriptedModel
from cellblock.events import AnyEvent, Branched, CellEnded, FileChanged

Kind = Any
CHECKPOINT = "x = 1\nlog = ['start']\nvfs.write('/plans/p', 'plan')\ncheckpoint.create('base')"
"""A first cell that most of these runs begin with; its checkpoint is `c1`."""


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


@dataclass(frozen=True, kw_only=True)
class Played:
    """A run that has ended."""

    rlm: RLM
    result: RunResult
    root: ScriptedModel

    @property
    def value(self) -> Any:
        """The final answer; fails with the errors of the cells where there is none."""
        assert self.result.success, (self.result.error, self.errors, self.outputs)
        return self.result.value

    @property
    def outputs(self) -> list[str]:
        return [event.stdout for event in self.of(CellEnded) if event.depth == 0]

    @property
    def errors(self) -> list[str | None]:
        return [event.error for event in self.of(CellEnded) if event.depth == 0]

    @property
    def acts(self) -> list[tuple[str, str]]:
        return [(event.act, event.name) for event in self.of(Branched)]

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.how, event.path) for event in self.of(FileChanged)]

    def of(self, kind: Kind) -> list[Any]:
        return [event for event in self.result.trace if isinstance(event, kind)]


async def play(
    sandbox: str,
    *codes: str,
    sub: Any = None,
    context: str = "the context",
    on_event: Callable[[AnyEvent], None] | None = None,
    replies: Sequence[Any] | None = None,
    **settings: Any,
) -> Played:
    """Run a question whose root model writes these cells, one after the other."""
    root = ScriptedModel(replies or [cell(code) for code in codes], fallback="FINAL(the cells gave no answer)", name="root")
    settings = {"sandbox": sandbox, "journal": ":memory:", "sub_model": sub or echo(), **settings}
    rlm = RLM(root, **settings)
    return Played(rlm=rlm, result=await rlm.arun("q", context, on_event=on_event), root=root)


def echo() -> ScriptedModel:
    """A sub-model whose answer shows what it was asked."""
    return ScriptedModel(fallback=lambda messages: "sub: " + messages[-1].content[:100], name="sub")


def tried(call: str, at: str = "got") -> str:
    """Code that notes what a call gives, or how it fails."""
    return f"try:\n    {at} = {call}\nexcept Exception as e:\n    {at} = f'{{type(e).__name__}}: {{e}}'\n"


async def told(sandbox: str, call: str, *before: str, **settings: Any) -> Any:
    """What a call gives in a cell after those before, or its exception's text."""
    return (await play(sandbox, *before, tried(call) + "FINAL(got)", **settings)).value
