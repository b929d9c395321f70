"""What the engine adds: child runs, the end of a budget, JSON answers, passages, tools. Each figure beside what is ideal or bare."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import anyio
import anyio.to_thread
from figures import Figure

from cellblock import RLM, RunLimits, ScriptedModel
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.repl.registry import find_sandbox
from cellblock.repl.session import open_session
from cellblock.repl.zygote import spares_for

CHILDREN, LATENCY_SECONDS = 40, 0.05
REPLIES = {"one reply": ["FINAL(done)"], "cell and answer": ["```repl\nx = len(P)\nprint(x)\n```", "FINAL(done)"]}
CALLS = 512
ROUNDS = 5
LIMIT, EACH = 1_000_000, 20_000


class Latent:
    """Writes the root's cell at once; every other reply takes a time."""

    name = "latent"

    def __init__(self, code: str, replies: Sequence[str], latency: float) -> None:
        self._code, self._replies, self._latency = code, replies, latency

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        if messages[1].content.startswith("Question:\nroot\n"):
            text = f"```repl\n{self._code}\n```"
        else:
            await anyio.sleep(self._latency)
            text = self._replies[sum(message.role == "assistant" for message in messages)]
        return ModelResponse(text=text, usage=Usage(calls=1, output_tokens=1, cost_usd=0.0), model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


async def children(names: Sequence[str]) -> AsyncIterator[Figure]:
    """40 child runs of one batch, as many at once as the default limit allows.

    Ideal: latency * replies of a child * ceil(40 / at once), as if sessions cost nothing. Floor: the same sessions opened and closed beside
    the same waiting, without an engine: what the processors of this machine leave of the ideal.
    """
    for sandbox in names:
        await (await open_session(sandbox)).aclose()  # a zygote starts once per process, not once per run
        for what, replies in REPLIES.items():
            rlm = RLM(_latent_children(replies), sandbox=sandbox, journal=":memory:")
            waits = LATENCY_SECONDS * len(replies)
            at_once = rlm.limits.parallel_children
            ideal = waits * -(-CHILDREN // at_once)
            bare, taken = [], []
            for _ in range(ROUNDS):
                await _settled(sandbox)
                # A child that answers at once never waits for its session.
                bare.append(ideal if len(replies) == 1 else await _sessions_alone(sandbox, waits, at_once))
                await _settled(sandbox)
                taken.append(await _seconds(rlm, "root", CHILDREN))
            floor, value = statistics.median(bare) / ideal, statistics.median(taken) / ideal
            yield Figure(name=f"{CHILDREN} children, {what}, {sandbox}", value=value, unit="x ideal", floor=floor, target=1.5)


async def _settled(sandbox: str) -> None:
    """The spares are there again, and the workers of the last measurement are gone."""
    await anyio.to_thread.run_sync(spares_for(find_sandbox(sandbox), "default").wait_ready)
    await anyio.sleep(0.2)


async def _sessions_alone(sandbox: str, wait: float, at_once: int) -> float:
    places = anyio.CapacityLimiter(at_once)

    async def opened() -> None:
        await (await open_session(sandbox)).aclose()

    async def one() -> None:
        # A run's session opens while its model thinks.
        async with places, anyio.create_task_group() as group:
            group.start_soon(opened)
            await anyio.sleep(wait)

    started = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(CHILDREN):
            group.start_soon(one)
    return time.perf_counter() - started


def _latent_children(replies: Sequence[str]) -> Latent:
    return Latent(f"FINAL(len(rlm_query_batched([str(i) for i in range({CHILDREN})])))", replies, LATENCY_SECONDS)


async def _seconds(rlm: RLM, question: str, wanted: object) -> float:
    started = time.perf_counter()
    result = await rlm.arun(question, "some text")
    taken = time.perf_counter() - started
    assert result.value == wanted, result.error
    return taken


class Spender:
    """Every call uses 20,000 tokens, several times what the engine expects of an answer whose length nobody bounds."""

    name = "spender"

    def __init__(self, code: str) -> None:
        self._code = code
        self.used = self.late = 0

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.late += self.used >= LIMIT
        await anyio.sleep(0.001)
        asked = len(messages) > 1
        spent = 1 if asked else EACH
        self.used += spent
        usage = Usage(calls=1, output_tokens=spent, cost_usd=spent / LIMIT)
        return ModelResponse(text=f"```repl\n{self._code}\n```" if asked else "ok", usage=usage, model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


async def over_budget() -> AsyncIterator[Figure]:
    """After the limit: calls that begin although it is used up, and what was used above it, in calls."""
    cells = {"one by one": "for i in range(300):\n    llm_query(str(i))", "in one batch": "llm_query_batched([str(i) for i in range(300)])"}
    limits = {"tokens": RunLimits(tokens=LIMIT, parallel_subcalls=16), "cost": RunLimits(cost_usd=1.0, parallel_subcalls=16)}
    for how, code in cells.items():
        for limit, given in limits.items():
            model = Spender(code)
            result = await RLM(model, journal=":memory:", limits=given).arun("How many?", "some text")
            assert result.ending == "budget", result
            yield Figure(name=f"calls begun above {limit}, {how}", value=model.late, unit="calls", floor=0.0, target=0.0)
            above = max(0, model.used - LIMIT) / EACH
            yield Figure(name=f"used above {limit}, {how}", value=above, unit="calls", floor=0.0, target=1.0)


async def answers() -> AsyncIterator[Figure]:
    """What one question of a batch costs the engine, by the kind of question: a model without latency, 512 in one batch."""
    texts = f"[str(i) for i in range({CALLS})]"
    kinds = {
        "llm_query_batched": (f"llm_query_batched({texts})", "ok"),
        "llm_query_json_batched": (f"llm_query_json_batched({texts}, {{'a': 'int', 'b': 'str'}})", json.dumps({"a": 1, "b": "x"})),
        "ask_chunks": (f"ask_chunks('Who?', {texts})", "Bo"),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    # In turn, and the best of each: a busy neighbour only adds.
    for _ in range(ROUNDS):
        for name, (code, answer) in kinds.items():
            taken[name].append(await _per_call(code, answer))
    plain, *others = (min(times) for times in taken.values())
    yield Figure(name="llm_query_batched, one of 512", value=plain, unit="ms", floor=plain, target=1.0)
    for name, value in zip(list(kinds)[1:], others, strict=True):
        yield Figure(name=f"{name}, more than that", value=value - plain, unit="ms", floor=plain, target=0.2)


async def _per_call(code: str, answer: str) -> float:
    """Milliseconds of one call."""

    def reply(prompt: str) -> str:
        return answer

    rlm = RLM(ScriptedModel([f"```repl\nFINAL(len({code}))\n```"]), sub_model=reply, journal=":memory:")
    return await _seconds(rlm, "How many?", CALLS) / CALLS * 1e3


async def tools() -> AsyncIterator[Figure]:
    """A call of a tool of the caller's, beside a call of a model that answers at once."""

    async def quick(number: int) -> int:
        """In the event loop."""
        return number

    def threaded(number: int) -> int:
        """In a thread."""
        return number

    floor = await _per_tool_call("llm_query(str(i))", quick)
    for what, function, target in (("async tool", quick, 0.4), ("sync tool, in its thread", threaded, 0.6)):
        yield Figure(
            name=f"a call of an {what}" if what.startswith("async") else f"a call of a {what}",
            value=await _per_tool_call(f"{function.__name__}(i)", function),
            unit="ms",
            floor=floor,
            target=target,
        )


async def _per_tool_call(call: str, tool: Callable[..., object]) -> float:
    times, taken = 500, []
    for _ in range(ROUNDS):
        cell = f"```repl\nfor i in range({times}):\n    {call}\nFINAL(i)\n```"
        rlm = RLM(ScriptedModel([cell]), sub_model=lambda prompt: "ok", tools=[tool], journal=":memory:")
        taken.append(await _seconds(rlm, "How many?", times - 1))
    return min(taken) / times * 1e3
