"""Answers as data: `llm_query_json`, `llm_query_json_batched`. What does not fit the schema gets one turn to be repaired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

import anyio

from ...errors import BudgetExceeded, ModelError
from ...in_thread import in_thread
from ...models.protocol import Message
from ...repl.protocol import CellError, External
from ...values import Value
from ..json_text import json_value
from ..model_calls import ask
from ..observations import clip
from ..schemas.check import Schema
from ..tree import Call, Run
from . import arguments
from .batches import each
from .subcalls import FAILED, Manner, Subcalls, for_the_cell, redacted, refused_alone

LONG_ANSWER_CHARS = 50_000
"""A longer one is read in a thread, and so is any that has to fit a schema: a check of few characters may take all of its steps."""
SHOWN_CHARS = 20_000
"""Of an answer that is to be repaired, what its model sees again."""
ASKED_AGAIN = "That cannot be used: {}\nWrite the whole JSON again, corrected, and nothing else."


T = TypeVar("T")
Given = TypeVarTuple("Given")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    function: str
    schema: Schema | None
    manner: Manner


class _Unusable(Exception):
    """The answer does not fit, and did not fit after its repair."""


class JSONCalls:
    """The questions of one run's cells that are answered in JSON."""

    def __init__(self, run: Run, subcalls: Subcalls) -> None:
        self._run, self._subcalls = run, subcalls
        # Several such threads would take the interpreter's lock from the event loop in turn.
        self._reader = anyio.CapacityLimiter(1)

    def externals(self) -> dict[str, External]:
        """By the names that cells use."""
        return {"llm_query_json": self.llm_query_json, "llm_query_json_batched": self.llm_query_json_batched}

    async def llm_query_json(self, *args: Value, **kwargs: Value) -> Value:
        """The data that a model answers: `llm_query_json(prompt, schema=None, model=None, max_tokens=None)`.

        Raises:
            CellError: the arguments are wrong, the call failed, the budget is used up, or (ValueError) the answer is no such data.
        """
        bound = arguments.bind("llm_query_json", ("prompt", "schema", "model", "max_tokens"), args, kwargs)
        prompt = arguments.text("llm_query_json", "prompt", bound.get("prompt"))
        wish = await self._wish("llm_query_json", bound)
        with for_the_cell(self._run):
            call = (await self._subcalls.begin([_asking(prompt, wish.schema)], wish.manner))[0]
            try:
                return await self._data(call, wish)
            except _Unusable as error:
                raise CellError("ValueError", f"llm_query_json(): {error}") from None

    async def llm_query_json_batched(self, *args: Value, **kwargs: Value) -> Value:
        """The same for many prompts in parallel: `llm_query_json_batched(prompts, schema=None, model=None, max_tokens=None)`.

        Equal prompts are asked once. A failed item is `{"error": "ERROR: …"}`, which no answer can be.

        Raises:
            CellError: the arguments are wrong, or the budget is used up.
        """
        function = "llm_query_json_batched"
        bound = arguments.bind(function, ("prompts", "schema", "model", "max_tokens"), args, kwargs)
        prompts = arguments.texts(function, "prompts", bound.get("prompts"))
        wish = await self._wish(function, bound)
        unique = list(dict.fromkeys(prompts))
        if wish.schema is not None:
            arguments.shared(function, "schema", len(wish.schema.text), unique)
        asked = [_asking(prompt, wish.schema) for prompt in unique]

        async def item(call: Call) -> Value:
            return await self._item(call, wish)

        with for_the_cell(self._run):
            calls = await self._subcalls.begin(asked, wish.manner)
            found = dict(zip(unique, await each(item, calls, self._subcalls.at_once), strict=True))
        return [found[prompt] for prompt in prompts]

    async def _wish(self, function: str, bound: dict[str, Value]) -> _Wish:
        given = bound.get("schema")
        try:
            schema = None if given is None else await self._in_a_thread(Schema.from_value, given)
        except ValueError as error:
            raise CellError("ValueError", f"{function}(): {error}") from None
        return _Wish(function=function, schema=schema, manner=self._subcalls.manner(function, bound))

    async def _item(self, call: Call, wish: _Wish) -> Value:
        try:
            return await self._data(call, wish)
        except ModelError as error:
            return _failed(redacted(error))
        except _Unusable as error:
            return _failed(str(error))
        except BudgetExceeded as error:
            return _failed(refused_alone(self._run, error))

    async def _data(self, call: Call, wish: _Wish) -> Value:
        answer = (await ask(self._run, call)).text
        value, problem = await self._read(answer, wish.schema)
        if problem is None:
            return value
        value, problem = await self._read((await ask(self._run, self._repair(call, answer, problem))).text, wish.schema)
        if problem is None:
            return value
        raise _Unusable(f"the answer is not what was asked for, after one repair: {problem}")

    async def _read(self, answer: str, schema: Schema | None) -> tuple[Value, str | None]:
        """The data of an answer, or what is wrong with it."""
        if schema is None and len(answer) <= LONG_ANSWER_CHARS:
            return _read_now(answer, schema)
        return await self._in_a_thread(_read_now, answer, schema)

    async def _in_a_thread(self, work: Callable[[*Given], T], *given: *Given) -> T:
        # It changes nothing, so that a run whose time is over need not wait for it.
        return await in_thread(work, *given, abandon_on_cancel=True, limiter=self._reader)

    def _repair(self, call: Call, answer: str, problem: str) -> Call:
        """The call that asks for a better answer: it counts as one, and its key goes by its first call's, whichever item fails first."""
        run = self._run
        first = call.entry.key
        run.budget.take_subcalls(1, again=run.record.has("call", f"{first}.repair"))
        again = Message("user", ASKED_AGAIN.replace("{}", problem))
        messages = (*call.messages, Message("assistant", clip(answer, SHOWN_CHARS)), again)
        payload = {"prompt": again.content, "repairs": first, "model": call.model.name, "max_tokens": call.max_tokens}
        entry = run.record.begin("call", f"{first}.repair", payload)
        return Call(model=call.model, messages=messages, role="repair", entry=entry, max_tokens=call.max_tokens)


def _asking(prompt: str, schema: Schema | None) -> str:
    wanted = "" if schema is None else f" that fits this JSON Schema:\n{schema.text}"
    return f"{prompt}\n\nAnswer with JSON alone, no other text{wanted or '.'}"


def _read_now(answer: str, schema: Schema | None) -> tuple[Value, str | None]:
    try:
        value = json_value(answer)
    except ValueError as error:
        return None, str(error)
    if _is_failure(value):
        return None, f"an answer that is only an 'error' may not begin with {FAILED.strip()!r}"
    return value, None if schema is None else schema.check(value)


def _failed(why: str) -> Value:
    return {"error": FAILED + why}


def _is_failure(value: Value) -> bool:
    """Whether it could be mistaken for a failed item of a batch."""
    return isinstance(value, dict) and list(value) == ["error"] and isinstance(value["error"], str) and value["error"].startswith(FAILED)
