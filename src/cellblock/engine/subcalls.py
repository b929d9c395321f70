"""What a cell may ask of models: `llm_query`, `llm_query_batched`, `rlm_query`. Arguments are hostile, answers plain values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import anyio

from ..errors import BudgetExceeded, CellblockError, ConfigError, ModelError, SandboxBroken
from ..host.context import Context
from ..models.protocol import Message, ModelAdapter
from ..repl.protocol import CellError, External
from ..values import Value
from . import arguments, prompt
from .contexts import open_context
from .effects import Conclusion
from .guards import answer_text
from .tree import Call, Run, failure_record

PARTIAL_CHARS = 2_000

Spawn = Callable[[Run, str], Awaitable[Conclusion]]
"""Performs a child run on a question. Given from outside, since the driver is what uses this module."""


class Subcalls:
    """The externals of one run's session."""

    def __init__(self, run: Run, spawn: Spawn) -> None:
        self._run, self._spawn = run, spawn

    def externals(self) -> dict[str, External]:
        """By the names that cells use, aliases included."""
        return {
            "llm_query": self.llm_query,
            "llm_query_batched": self.llm_query_batched,
            "llm_query_batch": self.llm_query_batched,
            "llm_batch": self.llm_query_batched,
            "rlm_query": self.rlm_query,
        }

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
        model = self._model("llm_query", bound.get("model"))
        limit = arguments.tokens("llm_query", bound.get("max_tokens"))
        with self._for_the_cell():
            return (await self._ask_all([text], model, limit, strict=True))[0]

    async def llm_query_batched(self, *args: Value, **kwargs: Value) -> Value:
        """Many model calls in parallel: `llm_query_batched(prompts, model=None, max_tokens=None)`; their texts, in order.

        Equal prompts are asked once. A failed one is the text `ERROR: …`.

        Raises:
            CellError: the arguments are wrong, or the budget is used up.
        """
        bound = arguments.bind("llm_query_batched", ("prompts", "model", "max_tokens"), args, kwargs)
        texts = arguments.texts("llm_query_batched", "prompts", bound.get("prompts"))
        model = self._model("llm_query_batched", bound.get("model"))
        limit = arguments.tokens("llm_query_batched", bound.get("max_tokens"))
        unique = list(dict.fromkeys(texts))
        with self._for_the_cell():
            answers = dict(zip(unique, await self._ask_all(unique, model, limit, strict=False), strict=True))
        return [answers[text] for text in texts]

    async def rlm_query(self, *args: Value, **kwargs: Value) -> Value:
        """A child run: `rlm_query(prompt, context=None)`; returns its final value. At the depth limit, one model call.

        Raises:
            CellError: the arguments are wrong, the child ended without an answer, or the budget is used up.
        """
        bound = arguments.bind("rlm_query", ("prompt", "context"), args, kwargs)
        question = arguments.text("rlm_query", "prompt", bound.get("prompt"))
        given = bound.get("context")
        context = None if given is None else arguments.documents("rlm_query", given)
        if not self._run.budget.may_descend:
            parts = [question] if context is None else [question, *([context] if isinstance(context, str) else context)]
            return await self.llm_query("\n\n".join(parts))
        with self._for_the_cell():
            return _child_value(self._run, await self._child(question, context))

    async def _child(self, question: str, given: str | list[str] | None) -> Conclusion:
        run = self._run
        run.budget.take_subcalls(1)
        budget = run.budget.child()
        run.children += 1
        child_id = f"{run.run_id}/{run.children}"
        seq = run.tree.journal.begin(run.run_id, "run", self._next_key(), {"run_id": child_id, "question": question})
        async with _context(run.context, given) as context:
            child = Run(tree=run.tree, run_id=child_id, budget=budget, context=context, parent=run.run_id)
            try:
                conclusion = await self._spawn(child, question)
            except (ModelError, SandboxBroken) as error:
                run.tree.journal.finish(run.run_id, seq, failure_record(error))
                raise
        outcome = {"success": conclusion.success, "value": conclusion.value, "error": conclusion.error}
        run.tree.journal.finish(run.run_id, seq, outcome)
        return conclusion

    async def _ask_all(self, texts: Sequence[str], model: ModelAdapter, limit: int | None, *, strict: bool) -> list[str]:
        """The answers to distinct prompts, in order. `strict`: a failed call is raised, not an item."""
        if not texts:
            return []
        run = self._run
        run.budget.take_subcalls(len(texts))
        keys = [self._next_key() for _ in texts]
        payloads = [{"prompt": text, "model": model.name, "max_tokens": limit} for text in texts]
        numbers = run.tree.journal.begin_many(run.run_id, "call", list(zip(keys, payloads, strict=True)))
        calls = [
            Call(model=model, messages=(Message("user", text),), role="subcall", key=key, seq=seq, max_tokens=limit)
            for text, key, seq in zip(texts, keys, numbers, strict=True)
        ]
        if strict:
            return [(await run.ask(calls[0])).text]
        return await _Batch(run, calls).answers()

    def _next_key(self) -> str:
        self._run.calls += 1
        return f"{self._run.step}.{self._run.cell}.{self._run.calls}"

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

    @contextmanager
    def _for_the_cell(self) -> Iterator[None]:
        """Turn what a call raised into what the cell may know of it."""
        try:
            yield
        except BudgetExceeded as error:
            raise CellError("RuntimeError", f"the run's budget is used up: {error}") from None
        except (ModelError, SandboxBroken) as error:
            raise CellError("RuntimeError", redacted(error)) from None
        except CellblockError as error:
            self._run.tree.fatal = self._run.tree.fatal or error
            raise CellError("RuntimeError", "the run cannot go on") from None


class _Batch:
    """Calls in parallel, as many at once as the tree allows."""

    def __init__(self, run: Run, calls: Sequence[Call]) -> None:
        self._run, self._texts = run, [""] * len(calls)
        self._queue = iter(enumerate(calls))
        self._workers = min(len(calls), run.budget.limits.parallel_subcalls)
        self._stop: CellblockError | None = None

    async def answers(self) -> list[str]:
        async with anyio.create_task_group() as group:
            for _ in range(self._workers):
                group.start_soon(self._work)
        if self._stop is not None:
            raise self._stop
        return self._texts

    async def _work(self) -> None:
        for index, call in self._queue:
            if self._stop is not None:
                return
            try:
                self._texts[index] = (await self._run.ask(call)).text
            except ModelError as error:
                self._texts[index] = "ERROR: " + redacted(error)
            except CellblockError as error:
                # No new calls; those in flight are paid for and may end.
                self._stop = self._stop or error


@asynccontextmanager
async def _context(parent: Context, given: str | list[str] | None) -> AsyncIterator[Context]:
    """The child's context: its parent's, or one of its own for as long as it runs."""
    if given is None:
        yield parent
        return
    try:
        own = await open_context(given)
    except ConfigError as error:
        raise CellError("ValueError", f"rlm_query(): {error}") from None
    try:
        yield own
    finally:
        own.close()


def _child_value(run: Run, conclusion: Conclusion) -> Value:
    if conclusion.success:
        return conclusion.value
    if run.budget.over is not None:
        raise run.budget.over.with_traceback(None)
    partial = prompt.clip(answer_text(conclusion.value), PARTIAL_CHARS)
    raise CellError("RuntimeError", f"the child run ended without an answer: {conclusion.error}; its last output: {partial}")


def redacted(error: CellblockError) -> str:
    """What a cell may know of a failed call: its kind and status, never a key, a host or a path."""
    status = getattr(error, "status", None)
    return f"{type(error).__name__}: the call failed" + (f" with status {status}" if isinstance(status, int) else "")
