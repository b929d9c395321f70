"""Child runs that a cell opens: `rlm_query`, `rlm_query_batched`. Each has a session, a context and steps of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio

from ...errors import ConfigError, ModelError, SandboxBroken
from ...host.context import Context
from ...host.vfs import Vfs
from ...repl.protocol import CellError, External
from ...values import Value
from ..contexts import open_context
from ..effects import Conclusion
from ..observations import clip
from ..outcomes import failure_of, failure_record
from ..recalling import charge_child, child_id
from ..record import Entry
from ..tree import Run
from . import arguments
from .batches import each
from .subcalls import FAILED, Manner, Subcalls, for_the_cell, is_known, next_key, redacted

PARTIAL_CHARS = 2_000

Given: TypeAlias = str | tuple[str, ...] | None
"""A child's context: a text, documents, or its parent's."""
Spawn: TypeAlias = Callable[[Run, str], Awaitable[Conclusion]]
"""Performs a child run on a question. Given from outside, since the driver is what uses this module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Child:
    run_id: str
    entry: Entry
    question: str
    given: Given


class Children:
    """The child runs of one run's cells."""

    def __init__(self, run: Run, spawn: Spawn, subcalls: Subcalls) -> None:
        self._run, self._spawn, self._subcalls = run, spawn, subcalls

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {"rlm_query": self.rlm_query, "rlm_query_batched": self.rlm_query_batched}

    async def rlm_query(self, *args: Value, **kwargs: Value) -> Value:
        """A child run: `rlm_query(prompt, context=None)`; returns its final value. At the depth limit, one model call.

        Raises:
            CellError: the arguments are wrong, the child ended without an answer, or the budget is used up.
        """
        bound = arguments.bind("rlm_query", ("prompt", "context"), args, kwargs)
        question = arguments.text("rlm_query", "prompt", bound.get("prompt"))
        given = _given("rlm_query", "context", bound.get("context"))
        if not self._run.budget.may_descend:
            return await self._subcalls.answer(_flat("rlm_query", question, given), self._manner)
        with for_the_cell(self._run):
            return await self._value(self._begin([(question, given)])[0])

    async def rlm_query_batched(self, *args: Value, **kwargs: Value) -> Value:
        """Child runs in parallel: `rlm_query_batched(prompts, contexts=None)`; their final values, in order.

        Equal pairs of prompt and context run once. A failed one is the text `ERROR: …`. At the depth limit, `llm_query_batched`.

        Raises:
            CellError: the arguments are wrong, or the budget is used up.
        """
        bound = arguments.bind("rlm_query_batched", ("prompts", "contexts"), args, kwargs)
        questions = arguments.texts("rlm_query_batched", "prompts", bound.get("prompts"))
        asked = list(zip(questions, _all_given(bound.get("contexts"), len(questions)), strict=True))
        if not self._run.budget.may_descend:
            texts = [_flat("rlm_query_batched", question, given) for question, given in asked]
            return list(await self._subcalls.answers(texts, self._manner))
        unique = list(dict.fromkeys(asked))
        with for_the_cell(self._run):
            values = await each(self._item, self._begin(unique), self._run.budget.limits.parallel_children)
        found = dict(zip(unique, values, strict=True))
        return [found[pair] for pair in asked]

    @property
    def _manner(self) -> Manner:
        return self._subcalls.manner("rlm_query", {})

    def _begin(self, asked: Sequence[tuple[str, Given]]) -> list[_Child]:
        """Child runs that are about to be opened, counted and in the journal; their ids go by this order, whichever ends first."""
        if not asked:
            return []
        run = self._run
        run.budget.take_subcalls(len(asked), again=is_known(run, "run"))
        numbers = range(run.children + 1, run.children + 1 + len(asked))
        ids = [child_id(run.run_id, number) for number in numbers]
        run.children += len(asked)
        rows = [(next_key(run), {"child": number, "question": pair[0]}) for number, pair in zip(numbers, asked, strict=True)]
        entries = run.record.begin_many("run", rows)
        return [
            _Child(run_id=child_id, entry=entry, question=question, given=given)
            for child_id, entry, (question, given) in zip(ids, entries, asked, strict=True)
        ]

    async def _item(self, child: _Child) -> Value:
        try:
            return await self._value(child)
        except (ModelError, SandboxBroken) as error:
            return FAILED + redacted(error)
        except CellError as error:
            return FAILED + error.message

    async def _value(self, child: _Child) -> Value:
        record, entry = self._run.record, child.entry
        if entry.outcome is not None:
            return self._recalled(child, entry.outcome)
        try:
            conclusion = await self._conclusion(child)
        except (ModelError, SandboxBroken) as error:
            record.finish(entry, failure_record(error))
            raise
        except CellError as error:
            record.finish(entry, {"error": error.kind, "message": error.message})
            raise
        record.finish(entry, {"success": conclusion.success, "value": conclusion.value, "error": conclusion.error})
        return _answer(self._run, conclusion)

    def _recalled(self, child: _Child, outcome: Mapping[str, Any]) -> Value:
        """What an earlier attempt of this run got from that child. What the child had used counts here, too."""
        charge_child(self._run, child.run_id)
        if "success" in outcome:
            conclusion = Conclusion(success=outcome["success"], value=outcome["value"], error=outcome["error"])
            return _answer(self._run, conclusion)
        raise failure_of(outcome) or CellError(outcome["error"], outcome["message"])

    async def _conclusion(self, child: _Child) -> Conclusion:
        run = self._run
        async with self._places(), _context(run.context, child.given) as context:
            opened = Run(
                tree=run.tree,
                run_id=child.run_id,
                budget=run.budget.child(),
                context=context,
                clock=run.clock,
                parent=run.run_id,
                places=run.places,
                files=Vfs(run.tree.settings.vfs, base=run.files),
                tool_use=run.tool_use,
            )
            try:
                return await self._spawn(opened, child.question)
            finally:
                run.deepest = max(run.deepest, opened.deepest)
                opened.release()

    def _places(self) -> anyio.CapacityLimiter:
        """The places for child runs at the depth below this run's.

        Each depth has its own. A run that waits for its children keeps its place, which none of them can need: they wait for deeper
        ones alone, and the deepest wait for nobody.
        """
        places, depth = self._run.places, self._run.budget.depth + 1
        if depth not in places:
            places[depth] = anyio.CapacityLimiter(self._run.budget.limits.parallel_children)
        return places[depth]


@asynccontextmanager
async def _context(parent: Context, given: Given) -> AsyncIterator[Context]:
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


def _given(function: str, name: str, value: Value) -> Given:
    if value is None:
        return None
    documents = arguments.documents(function, name, value)
    return documents if isinstance(documents, str) else tuple(documents)


def _all_given(value: Value, count: int) -> list[Given]:
    if value is None:
        return [None] * count
    if not isinstance(value, list) or len(value) != count:
        got = f"a list of {len(value)}" if isinstance(value, list) else f"a {type(value).__name__}"
        raise CellError("ValueError", f"rlm_query_batched(): contexts must be None or a list of {count}, one for each prompt; it is {got}")
    return [_given("rlm_query_batched", f"contexts[{index}]", item) for index, item in enumerate(value)]


def _flat(function: str, question: str, given: Given) -> str:
    documents = () if given is None else (given,) if isinstance(given, str) else given
    return arguments.text(function, "prompt with its context", "\n\n".join([question, *documents]))


def _answer(run: Run, conclusion: Conclusion) -> Value:
    if conclusion.success:
        return conclusion.value
    if run.budget.over is not None:
        raise run.budget.over.with_traceback(None)
    partial = clip(conclusion.text, PARTIAL_CHARS)
    raise CellError("RuntimeError", f"the child run ended without an answer: {conclusion.error}; its last output: {partial}")
