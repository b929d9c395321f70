"""The one place where a model is called: recalled, cached or made, within the budget, with a record of how it ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import anyio

from ..errors import BudgetExceeded, CellblockError, ModelError
from ..events import SUBCALL_ROLES, ModelAnswered, ModelAsked
from ..in_thread import in_thread
from ..models.cache import CachedAnswer, Source, call_key, identity_of
from ..models.prices import load_prices, priced
from ..models.protocol import ModelResponse, Usage
from ..models.replies import BYTES_PER_TOKEN, token_bytes
from .asking import cleaned, complete
from .budget import PRICED_TOKENS, Hold
from .outcomes import ERROR_CHARS, failure_of, failure_record, usage_of
from .tree import Call, Run

FIRST_ANSWER_TOKENS = 32_768
"""What a model's answers may have before one of them is known. By a smaller guess, a batch that begins all at once would be far beyond a
small limit before its first answer is there; with this one, a batch under a small limit waits for its first answers."""


async def ask(run: Run, call: Call) -> ModelResponse:
    """The answer to one call: from the record, from the cache, or made under the tree's limiter.

    Raises:
        BudgetExceeded: it was not made.
        ModelError: it failed.
        ConfigError: money is limited and its price cannot be known.
        StoreError: its outcome could not be recorded.
    """
    one = _Asking(run, call)
    for outcome in call.entry.failed:
        one.charge(outcome)
    if call.entry.outcome is not None:
        return one.recalled(call.entry.outcome)
    if run.tree.cached is None or call.role not in SUBCALL_ROLES:
        return await one.made()
    return await one.cached()


@dataclass(frozen=True, slots=True)
class _Asking:
    run: Run
    call: Call

    async def cached(self) -> ModelResponse:
        """From the cache, or made and kept there."""
        run, call = self.run, self.call
        assert run.tree.cached is not None
        usual = run.budget.usual_bound(token_bytes(call.messages), call.max_tokens)
        key = call_key(tenant=run.tree.settings.tenant, identity=identity_of(call.model), messages=call.messages, max_tokens=usual)
        fresh: list[ModelResponse] = []

        async def make() -> CachedAnswer:
            fresh.append(await self.made())
            return CachedAnswer(text=fresh[0].text, model=fresh[0].model, usage=fresh[0].usage)

        answer, source = await run.tree.cached.answer(key, make, worth=lambda: call.bound == usual)
        return fresh[0] if fresh else self._known(answer, source)

    def _known(self, answer: CachedAnswer, source: Source) -> ModelResponse:
        """An answer that was there already: it uses nothing, and the record says where it came from."""
        self.run.event(ModelAsked, **self._told)
        self.run.event(ModelAnswered, **self._told, text=answer.text, source=source, cost_usd=0.0)
        self.run.record.finish(self.call.entry, {"text": answer.text, "model": answer.model, "source": source})
        return ModelResponse(text=answer.text, usage=Usage(), model=answer.model)

    def recalled(self, outcome: Mapping[str, Any]) -> ModelResponse:
        """What an earlier attempt of this run was answered. It was paid for then, and counts."""
        run = self.run
        used, failure = usage_of(outcome), failure_of(outcome)
        run.event(ModelAsked, **self._told)
        error = None if failure is None else _line(failure)
        run.event(ModelAnswered, **self._told, text=outcome.get("text", ""), source="journal", error=error, **_spent(used))
        self.charge(outcome)
        if isinstance(failure, BudgetExceeded):
            run.budget.recall(failure)
        if failure is not None:
            raise failure
        return ModelResponse(text=outcome["text"], usage=used or Usage(), model=outcome["model"])

    def charge(self, outcome: Mapping[str, Any]) -> None:
        """Count what an earlier attempt of this run has used."""
        if (used := usage_of(outcome)) is not None:
            call = self.call
            self.run.budget.charge(used, role=call.role, served_by=call.model.name, subcall=call.role in SUBCALL_ROLES)

    @property
    def _told(self) -> dict[str, Any]:
        run, call = self.run, self.call
        return {"call_id": f"{run.run_id}:{call.entry.key}", "role": call.role, "step": run.step, "model": call.model.name}

    async def made(self) -> ModelResponse:
        """The model's own answer."""
        record, entry = self.run.record, self.call.entry
        try:
            response, seconds = await self._in_time()
        except (ModelError, BudgetExceeded) as error:
            record.finish(entry, failure_record(error))
            raise
        # On record before anybody is told: what was shown once is not asked again.
        record.finish(entry, {"text": response.text, "model": response.model, "usage": response.usage})
        self.run.event(ModelAnswered, **self._told, **_spent(response.usage), text=response.text, seconds=seconds)
        return response

    async def _in_time(self) -> tuple[ModelResponse, float]:
        """The response, unless the deadline comes first: a cell that asked hears of it, and can say what it has."""
        budget = self.run.budget
        with anyio.move_on_after(budget.remaining_seconds()):
            # The limiter is held around the call alone: a child run inside it would wait for itself.
            async with self.run.tree.limiter:
                return await self._call()
        raise budget.expire().with_traceback(None)

    async def _reserve(self) -> Hold:
        call, tree, budget = self.call, self.run.tree, self.run.budget
        size, name, subcall = token_bytes(call.messages), call.model.name, call.role in SUBCALL_ROLES
        listed = await self._listed(size)

        def held() -> Hold | None:
            expected, surplus = tree.longest.get(name, FIRST_ANSWER_TOKENS), tree.surplus.get(name, 0)
            return budget.reserve(size, call.max_tokens, model=name, subcall=subcall, expected=expected, surplus=surplus, listed=listed)

        while (hold := held()) is None:
            # Those in flight hold what is left, and give back what they do not use.
            await tree.call_ended.wait()
        call.bound = hold.max_tokens
        return hold

    async def _call(self) -> tuple[ModelResponse, float]:
        """The response, and how many seconds it took."""
        run, call, hold = self.run, self.call, await self._reserve()
        started = time.perf_counter()
        used: Usage | None = None

        def failed(error: str) -> None:
            run.event(ModelAnswered, **self._told, **_spent(used), error=error, seconds=time.perf_counter() - started)

        try:
            run.event(ModelAsked, **self._told, repeated=call.entry.again)
            response = await complete(call.model, call.messages, hold.max_tokens)
            used = response.usage  # known before the price is, which may take a while: a call cancelled meanwhile was made all the same
            used = await self._priced(used, response.model)
        except ModelError as error:
            used = error.usage
            used = used and await self._priced(used, "")
            failed(_line(error))
            raise
        except anyio.get_cancelled_exc_class():
            failed("cancelled" if run.budget.remaining_seconds() else "the run's time was over")
            raise
        finally:
            # Cancelled calls come by here too.
            if used is None:
                run.budget.release(hold)
            else:
                run.budget.settle(hold, used, role=call.role, served_by=call.model.name)
                run.tree.learn(hold, used)
            run.tree.call_ended.set()
            run.tree.call_ended = anyio.Event()
        return replace(response, usage=used), time.perf_counter() - started

    async def _listed(self, size: int) -> float | None:
        """What the call should cost by the lists of prices, where money is limited."""
        run, bound = self.run, self.call.max_tokens
        if run.budget.limits.cost_usd is None:
            return None
        await self._prices_there()
        likely = PRICED_TOKENS if bound is None else min(PRICED_TOKENS, bound)
        return run.tree.settings.price_of(self.call.model.name, Usage(input_tokens=size // BYTES_PER_TOKEN, output_tokens=likely, calls=1))

    async def _prices_there(self) -> None:
        if not self.run.tree.prices_loaded:
            # Half a second, once in a process.
            await in_thread(load_prices)
            self.run.tree.prices_loaded = True

    async def _priced(self, usage: Usage, reported: str) -> Usage:
        if usage.cost_usd is None:
            await self._prices_there()
        return priced(usage, self.call.model.name, self.run.tree.settings.prices, reported=reported)


def _spent(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cost_usd": usage.cost_usd}


def _line(error: CellblockError) -> str:
    return " ".join(cleaned(f"{type(error).__name__}: {error}"[:ERROR_CHARS]).split())
