"""What a cell may ask of models: `llm_query`, `llm_query_batched`, and what the other kinds of question are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import anyio.lowlevel

from ...errors import BudgetExceeded, CellblockError, ModelError, SandboxBroken
from ...models.protocol import Message, ModelAdapter
from ...repl.protocol import CellError, External
from ...values import Value
from ..model_calls import ask
from ..record import Entry
from ..tree import Call, Run
from . import arguments
from .batches import each

FAILED = "ERROR: "
"""What the text of a failed item begins with."""
PIECE_CHARS = 500_000
"""Of prompts that are written into the journal at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How a call is to be made."""

    model: ModelAdapter
    max_tokens: int | None = None


class Subcalls:
    """The model calls of one run's cells."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {"llm_query": self.llm_query, "llm_query_batched": self.llm_query_batched}

    async def llm_query(self, *args: Value, **kwargs: Value) -> Value:
        """One model call: `llm_query(prompt, model=None, max_tokens=None)` or `llm_query(snippet, task)`; returns its text.

        Raises:
            CellError: the arguments are wrong, the call failed, or the budget is used up.
        """
        bound = arguments.bind("llm_query", ("prompt", "model", "max_tokens", "task"), args, kwargs)
        text = arguments.text("llm_query", "prompt", bound.get("prompt"))
        second = bound.get("model")
        if len(args) > 1 and isinstance(second, str) and not self._knows(second):
            bound |= {"model": None, "task": second}
        if bound.get("task") is not None:
            text = arguments.text("llm_query", "task", bound["task"]) + "\n\n" + text
        return await self.answer(text, self.manner("llm_query", bound))

    async def llm_query_batched(self, *args: Value, **kwargs: Value) -> Value:
        """Many model calls in parallel: `llm_query_batched(prompts, model=None, max_tokens=None)`; their texts, in order.

        Equal prompts are asked once. A failed one is the text `ERROR: …`.

        Raises:
            CellError: the arguments are wrong, or the budget is used up.
        """
        bound = arguments.bind("llm_query_batched", ("prompts", "model", "max_tokens"), args, kwargs)
        texts = arguments.texts("llm_query_batched", "prompts", bound.get("prompts"))
        return list(await self.answers(texts, self.manner("llm_query_batched", bound)))

    def manner(self, function: str, bound: Mapping[str, Value]) -> Manner:
        """From the arguments `model` and `max_tokens`, as far as they are there.

        Raises:
            CellError: TypeError or ValueError.
        """
        return Manner(model=self._model(function, bound.get("model")), max_tokens=arguments.tokens(function, bound.get("max_tokens")))

    async def answer(self, text: str, manner: Manner) -> str:
        """The answer to one prompt.

        Raises:
            CellError: the call failed, or the budget is used up.
        """
        with for_the_cell(self._run):
            return (await ask(self._run, (await self.begin([text], manner))[0])).text

    async def answers(self, texts: Sequence[str], manner: Manner, at_once: int | None = None) -> list[str]:
        """The answers in order; equal prompts are asked once, and a failed one is the text `ERROR: …`.

        Raises:
            CellError: the budget is used up.
        """
        unique = list(dict.fromkeys(texts))
        with for_the_cell(self._run):
            found = await each(self._text, await self.begin(unique, manner), at_once or self.at_once)
        answers = dict(zip(unique, found, strict=True))
        return [answers[text] for text in texts]

    @property
    def at_once(self) -> int:
        """Calls that one batch has in flight."""
        return self._run.budget.limits.parallel_subcalls

    async def begin(self, texts: Sequence[str], manner: Manner) -> list[Call]:
        """Calls that are about to be made, counted and in the journal: all of them or none are made.

        Raises:
            BudgetExceeded: they are too many.
            StoreError: they could not be recorded.
        """
        if not texts:
            return []
        run = self._run
        run.budget.take_subcalls(len(texts), again=is_known(run, "call"))
        keys = [next_key(run) for _ in texts]
        payloads = [{"prompt": text, "model": manner.model.name, "max_tokens": manner.max_tokens} for text in texts]
        entries: list[Entry] = []
        for start, end in _pieces(texts):
            if start:
                # One batch may be tens of megabytes, and a disk takes its time for them.
                await anyio.lowlevel.checkpoint()
            rows = list(zip(keys[start:end], payloads[start:end], strict=True))
            entries += run.record.begin_many("call", rows)
        return [
            Call(model=manner.model, messages=(Message("user", text),), role="subcall", entry=entry, max_tokens=manner.max_tokens)
            for text, entry in zip(texts, entries, strict=True)
        ]

    async def _text(self, call: Call) -> str:
        try:
            return (await ask(self._run, call)).text
        except ModelError as error:
            return FAILED + redacted(error)
        except BudgetExceeded as error:
            return FAILED + refused_alone(self._run, error)

    def _knows(self, name: str) -> bool:
        try:
            self._run.tree.models.of(name, self._run.budget.depth)
        except LookupError:
            return False
        return True

    def _model(self, function: str, name: Value) -> ModelAdapter:
        if name is None:
            return self._run.tree.models.sub(self._run.budget.depth)
        if not isinstance(name, str):
            raise CellError("TypeError", f"{function}(): model must be a str or None")
        try:
            return self._run.tree.models.of(name, self._run.budget.depth)
        except LookupError:
            known = ", ".join(self._run.tree.models.names)
            raise CellError("ValueError", f"{function}(): no model named {name[:50]!r}; known: {known}") from None


def _pieces(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """From where to where to go at once, so that nothing is longer than `PIECE_CHARS` but a single text."""
    start = chars = 0
    for index, text in enumerate(texts):
        if chars and chars + len(text) > PIECE_CHARS:
            yield start, index
            start, chars = index, 0
        chars += len(text)
    yield start, len(texts)


def is_known(run: Run, kind: str) -> bool:
    """Whether an earlier attempt had begun the running cell's next call: it was allowed then, whatever is over by now."""
    return run.record.has(kind, f"{run.cell}.{run.calls + 1}")


def next_key(run: Run) -> str:
    """The key of the running cell's next call: by the order in which calls begin, so that a batch ends as it likes."""
    run.calls += 1
    return f"{run.cell}.{run.calls}"


@contextmanager
def for_the_cell(run: Run) -> Iterator[None]:
    """Turn what a call raised into what the cell may know of it."""
    try:
        yield
    except BudgetExceeded as error:
        what = f"the run's budget is used up: {error}" if run.budget.over is not None else refused_alone(run, error)
        raise CellError("RuntimeError", what) from None
    except (ModelError, SandboxBroken) as error:
        raise CellError("RuntimeError", redacted(error)) from None
    except CellblockError as error:
        run.tree.fatal = run.tree.fatal or error
        raise CellError("RuntimeError", "the run cannot go on") from None


def refused_alone(run: Run, error: BudgetExceeded) -> str:
    """Why one call was refused by a limit that did not end the run, such as `subcall_tokens`.

    Raises:
        BudgetExceeded: it did end the run.
    """
    if run.budget.over is not None:
        raise error
    return f"{error}; ask for less in one call"


def redacted(error: CellblockError) -> str:
    """What a cell may know of a failed call: its kind and status, never a key, a host or a path."""
    status = getattr(error, "status", None)
    return f"{type(error).__name__}: the call failed" + (f" with status {status}" if isinstance(status, int) else "")
