"""A whole run through the public door, on a real sandbox: the model is a script, everything else is what a user gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from cellblock import RLM, RunResult, ScriptedModel
from cellblock.events import AnyEvent, CellEnded, CellStarted, Refused
from cellblock.models.scripted import Line

Kind = TypeVar("Kind", bound=AnyEvent)
ECHO = "sub: "
"""What the sub-model puts before the prompt, unless a test brings its own."""


def cell(code: str) -> str:
    """A reply with one cell."""
    return f"```repl\n{code}\n```"


def echoing(name: str = "sub") -> ScriptedModel:
    """A sub-model whose answer shows what it was asked."""
    return ScriptedModel(fallback=lambda messages: ECHO + messages[-1].content, name=name)


@dataclass(frozen=True, kw_only=True)
class Played:
    """A run that has ended, and what its models saw of it."""

    result: RunResult
    root: ScriptedModel
    sub: ScriptedModel

    @property
    def told(self) -> list[str]:
        """What the root's model was told before each of its replies."""
        return [call.prompt for call in self.root.calls]

    @property
    def system(self) -> str:
        """The root's system message."""
        return self.root.calls[0].messages[0].content

    @property
    def refused(self) -> list[str]:
        """Reasons of the guards."""
        return [event.reason for event in self.of(Refused)]

    @property
    def codes(self) -> list[str]:
        """The cells that ran."""
        return [event.code.strip() for event in self.of(CellStarted)]

    @property
    def ended(self) -> list[CellEnded]:
        """How they ended."""
        return self.of(CellEnded)

    @property
    def asked(self) -> list[str]:
        """Prompts of the sub-calls."""
        return [call.prompt for call in self.sub.calls]

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The run's events of one kind."""
        return [event for event in self.result.trace if isinstance(event, kind)]


def engine(sandbox: str, models: Any, **settings: Any) -> RLM:
    """An engine that keeps no journal on disk, unless a test names one."""
    return RLM(models, **{"sandbox": sandbox, "journal": ":memory:"} | settings)


async def play(
    sandbox: str,
    *replies: Line,
    context: Any = "the context",
    question: str = "q",
    output_type: object = None,
    sub: ScriptedModel | None = None,
    **settings: Any,
) -> Played:
    """Run a question whose root model gives these replies, one after the other."""
    root, sub = ScriptedModel(replies, name="root"), sub or echoing()
    result = await engine(sandbox, root, **{"sub_model": sub} | settings).arun(question, context, output_type=output_type)
    return Played(result=result, root=root, sub=sub)


async def value_of(sandbox: str, code: str, **settings: Any) -> Any:
    """What one cell gives to `FINAL`, with its type. A cell that fails fails the test, with its error."""
    played = await play(sandbox, cell(code), "FINAL(the cell gave none)", **settings)
    assert played.result.steps == 1, f"the cell gave no answer: {played.told[-1]}"
    return played.result.value


async def error_of(sandbox: str, code: str, **settings: Any) -> str:
    """How one cell fails: `Kind: message`, as the model reads it."""
    played = await play(sandbox, cell(code), "FINAL(over)", **settings)
    error = played.ended[0].error
    assert error is not None, "the cell did not fail"
    return error


async def warm(sandbox: str) -> None:
    """Open a session, so that a test that looks at the clock does not count the sandbox's first start in this process."""
    await value_of(sandbox, "FINAL(1)")
