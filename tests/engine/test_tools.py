from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import anyio
import pytest
from pydantic import AfterValidator, BaseModel, Field
from typing_extensions import TypedDict

from cellblock.engine.run import RLM
from cellblock.engine.tools import Tool, ToolLimits, Toolset
from cellblock.engine.vocabulary import ALIASES, CALLS
from cellblock.errors import ConfigError
from cellblock.events import ToolCalled
from cellblock.limits import RunLimits
from cellblock.models import ScriptedModel
from cellblock.repl.protocol import CellError

from .doubles import Stage, cells

pytestmark = pytest.mark.anyio

SECRET = "key sk-123456 in /home/alice"


class Person(BaseModel):
    name: str
    born: int = Field(ge=1000)


@dataclass
class Found:
    who: Person
    score: float


class Where(TypedDict):
    city: str


def lookup(name: str, limit: int = 10) -> list[str]:
    """Names like this one.

    More that no prompt needs.
    """
    return [name] * limit


async def slow(seconds: float) -> str:
    """Wait."""
    await anyio.sleep(seconds)
    return "done"


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, by: int = 1) -> int:
        """Count on by some."""
        self.n += by
        return self.n


async def value_of(code: str, *tools: Callable[..., Any] | Tool, **fields: Any) -> Any:
    guarded = "try:\n    FINAL(await " + code + ")\nexcept Exception as e:\n    FINAL(f'{type(e).__name__}: {e}')"
    return (await Stage(cells(guarded), tools=Toolset.of(tools), **fields).answer()).value


# -- what a tool is


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (lookup, "- lookup(name: str, limit: int = 10) -> list[str]: Names like this one."),
        (slow, "- slow(seconds: float) -> str: Wait."),
        (Tool.of(Counter(), name="count"), "- count(by: int = 1) -> int: Count on by some."),
    ],
)
def test_a_tool_is_told_in_one_line(tool: Any, told: str) -> None:
    assert Toolset.of([tool]).descriptions() == (told,)


def test_types_are_told_in_the_words_of_a_cell() -> None:
    def find(
        who: Person | None, where: Where, kind: Literal["a", "b"] = "a", size: Annotated[int, Field(gt=0)] = 3, by: object = Counter()
    ) -> dict[str, Found]: ...

    assert Tool.of(find).told == (
        "- find(who: {'name': str, 'born': int} | None, where: {'city': str}, kind: Literal['a', 'b'] = 'a', size: int = 3, "
        "by: object = ...) -> dict[str, {'who': {'name': str, 'born': int}, 'score': float}]"
    )


def test_a_tool_has_a_json_schema() -> None:
    schema = Tool.of(lookup).json_schema()
    assert schema["required"] == ["name"]
    assert schema["properties"]["limit"]["default"] == 10
    assert schema["properties"]["name"]["type"] == "string"


@pytest.mark.parametrize(
    "name",
    [
        *CALLS,
        *ALIASES,
        "P",
        "ctx",
        "FINAL",
        "FINAL_VAR",
        "print",
        "len",
        "re",
        "NO_ANSWER",
        "answer",
        "vfs",
        "ctx__find",
        "P__len",
        "_cb_show",
    ],
)
def test_no_tool_takes_a_name_that_a_cell_has(name: str) -> None:
    with pytest.raises(ConfigError, match="a name that every cell has already"):
        Tool.of(lookup, name=name)


@pytest.mark.parametrize("name", ["", "a b", "class", "1a", "ﬁnd", "a.b"])
def test_a_name_that_no_cell_can_call_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no name that a cell can call"):
        Tool.of(lookup, name=name)


def test_what_is_no_typed_function_is_refused() -> None:
    def untyped(a, b: int): ...  # type: ignore[no-untyped-def]

    def many(*names: str) -> None: ...

    def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def odd(a: threading.Lock) -> None: ...  # type: ignore[valid-type]

    wrong: list[tuple[Any, str]] = [
        (untyped, "parameter a has no type"),
        (many, r"\*names cannot be told"),
        (unknown, "its signature cannot be read"),
        (odd, "a type of its parameters cannot be validated"),
        (Person, "a function is needed"),
        (3, "a function is needed"),
        (lambda: 1, "no name that a cell can call"),
    ]
    for function, message in wrong:
        with pytest.raises(ConfigError, match=message):
            Tool.of(function)
    with pytest.raises(ConfigError, match="two are named lookup"):
        Toolset.of([lookup, lookup])


@pytest.mark.parametrize(
    "limits",
    [
        {"calls": 0},
        {"calls": None},
        {"calls": 1.5},
        {"calls": True},
        {"wall_seconds": None},
        {"wall_seconds": 0},
        {"wall_seconds": float("inf")},
        {"parallel": -1},
    ],
)
def test_no_limit_of_a_tool_can_be_switched_off(limits: Any) -> None:
    with pytest.raises(ConfigError):
        ToolLimits(**limits)


# -- arguments and answers


async def test_arguments_are_converted_to_the_types_of_the_tool() -> None:
    def born(who: Person, also: list[Person], at: Where, /, *, years: tuple[int, ...] = ()) -> list[Any]:
        return [type(who).__name__, who.born + len(also), at["city"], type(years).__name__]

    given = "born({'name': 'a', 'born': '1815'}, [{'name': 'b', 'born': 1900}], {'city': 'x'}, years=[1, 2])"
    assert await value_of(given, born) == ["Person", 1816, "x", "tuple"]


async def test_models_and_dataclasses_arrive_as_dicts() -> None:
    def find(n: int) -> Any:
        return {"found": [Found(who=Person(name="Ada", born=1815), score=0.5)] * n, "raw": (b"x", None)}

    one = {"who": {"name": "Ada", "born": 1815}, "score": 0.5}
    assert await value_of("find(2)", find) == {"found": [one, one], "raw": [b"x", None]}


def refusing(value: str) -> str:
    raise ValueError(SECRET)


def strict(
    n: Annotated[int, Field(ge=1, le=9)] = 1, people: Sequence[Person] = (), checked: Annotated[str, AfterValidator(refusing)] = ""
) -> int:
    return n


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("strict(0)", "ValueError: strict(): n: Input should be greater than or equal to 1"),
        ("strict('x' * 5000)", "ValueError: strict(): n: Input should be a valid integer, unable to parse string as an integer"),
        (
            "strict(people=[{'name': 1}])",
            "ValueError: strict(): people[0].name: Input should be a valid string\npeople[0].born: Field required",
        ),
        ("strict(checked='x')", "ValueError: strict(): checked: is refused by a check of the tool"),
        ("strict(1, 2, 3, 4)", "TypeError: strict() takes at most 3 arguments (4 given)"),
        ("strict(m=1)", "TypeError: strict() got an unexpected keyword argument 'm'; it takes n, people, checked"),
        ("lookup()", "TypeError: lookup() is missing name"),
        ("strict(people=[1] * 2000)", "ValueError: strict(): people has 2000 values that do not fit"),
        ("lookup([[[[[[[[[[[[[[1]]]]]]]]]]]]]])", "ValueError: lookup(): name is nested more than 12 deep; flatten it"),
    ],
)
async def test_arguments_that_do_not_fit_are_told_in_short_lines(call: str, error: str) -> None:
    got = await value_of(call, strict, lookup)
    assert got == error
    assert all(len(line) <= 220 for line in got.split("\n"))


async def test_many_problems_are_told_as_five() -> None:
    got = await value_of("strict(people=[1] * 20)", strict)
    assert len(got.split("\n")) == 6
    assert got.endswith("and 15 more")


async def test_an_answer_that_is_no_plain_data_is_an_error_without_its_content() -> None:
    def odd() -> Any:
        return {SECRET: {1, 2}}

    def loop() -> Any:
        found: list[Any] = []
        found += [found, found]
        return found

    assert (
        await value_of("odd()", odd)
        == "RuntimeError: odd(): its answer cannot cross: a set cannot cross the boundary; use sorted(…) or list(…)"
    )
    assert await value_of("loop()", loop) == "RuntimeError: loop(): its answer cannot cross: nested more than 32 deep; flatten it"


# -- what a tool does to the host


class Own(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [KeyError(SECRET), SystemExit(3), KeyboardInterrupt(), Own(SECRET), TimeoutError(SECRET), asyncio.CancelledError(SECRET)]
)
async def test_whatever_a_tool_raises_is_an_error_in_the_cell_and_no_more(error: BaseException) -> None:
    def sync() -> None:
        raise error

    async def later() -> None:
        await anyio.lowlevel.checkpoint()
        raise error

    told = f"failed ({type(error).__name__})"
    assert await value_of("sync()", sync) == f"RuntimeError: sync {told}"
    assert str(await value_of("later()", later)).startswith("RuntimeError: later failed (")


async def test_a_group_of_exceptions_is_one_failure() -> None:
    async def group() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, "x")  # type: ignore[arg-type]

    assert await value_of("group()", group) == "RuntimeError: group failed (ExceptionGroup)"


async def test_the_text_of_a_cell_error_crosses() -> None:
    def picky(n: int) -> int:
        raise CellError("LookupError", f"no row {n}; rows go from 1 to 9")

    assert await value_of("picky(12)", picky) == "LookupError: no row 12; rows go from 1 to 9"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_a_sync_tool_is_left_behind_at_its_time_limit(gate: threading.Event) -> None:
    def hang() -> str:
        gate.wait(60)
        return "late"

    started = time.perf_counter()
    assert await value_of("hang()", Tool.of(hang, limits=ToolLimits(wall_seconds=0.1))) == "TimeoutError: hang(): no answer within 0.1 s"
    assert time.perf_counter() - started < 5


async def test_an_async_tool_is_cancelled_at_its_time_limit() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cancelled")

    assert await value_of("hang()", Tool.of(hang, limits=ToolLimits(wall_seconds=0.1))) == "TimeoutError: hang(): no answer within 0.1 s"
    assert ended == ["cancelled"]


async def test_threads_left_behind_keep_their_places(gate: threading.Event) -> None:
    begun: list[int] = []

    def hang() -> None:
        begun.append(1)
        gate.wait(60)

    tool = Tool.of(hang, limits=ToolLimits(wall_seconds=0.1, parallel=2))
    code = "n = 0\nfor i in range(4):\n    try:\n        await hang()\n    except TimeoutError:\n        n += 1\nFINAL(n)"
    assert (await Stage(cells(code), tools=Toolset.of([tool])).answer()).value == 4
    assert len(begun) == 2


def test_a_process_ends_although_a_tool_hangs() -> None:
    code = """
import time
from cellblock import RLM, ScriptedModel
from cellblock.engine.tools import Tool, ToolLimits
def hang() -> None:
    time.sleep(100)
code = "```repl\\ntry:\\n    hang()\\nexcept TimeoutError as e:\\n    FINAL(str(e))\\n```"
rlm = RLM(ScriptedModel([code]), tools=[Tool.of(hang, limits=ToolLimits(wall_seconds=0.2))], journal=":memory:", sandbox="restricted")
print(rlm.run("q", "c").value)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("hang(): no answer within 0.2 s\n", 0), done.stderr


# -- limits, children, journal


async def test_a_tool_has_a_number_of_calls_for_the_whole_tree() -> None:
    counter = Counter()
    tools = Toolset.of([Tool.of(counter, name="count", limits=ToolLimits(calls=3))])
    root = ScriptedModel(
        [
            "```repl\nfound = await rlm_query('child')\ntry:\n    await count()\n    await count()\n"
            "except RuntimeError as e:\n    FINAL([found, str(e)])\n```",
            "```repl\nFINAL([await count(), await count()])\n```",
        ]
    )
    end = await Stage(root, tools=tools, child_tools=tools).answer()
    assert end.value == [[1, 2], "count(): this run has made all its 3 calls of it; go on without"]
    assert counter.n == 3


async def test_no_more_calls_are_made_at_once_than_may_be() -> None:
    now = most = 0

    async def crowd() -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await anyio.sleep(0.01)
        now -= 1
        return now

    tools = Toolset.of([Tool.of(crowd, limits=ToolLimits(parallel=2))])
    script = ["```repl\nFINAL(len(await rlm_query_batched([str(i) for i in range(6)])))\n```", *["```repl\nFINAL(await crowd())\n```"] * 6]
    stage = Stage(ScriptedModel(script), child_tools=tools, limits=RunLimits(parallel_children=6))
    assert (await stage.answer()).value == 6
    assert most == 2


async def test_the_root_and_its_children_have_tools_of_their_own() -> None:
    def mine() -> str:
        return "root's"

    def theirs() -> str:
        return "child's"

    child = "```repl\ntry:\n    await mine()\nexcept NameError:\n    FINAL(await theirs())\n```"
    root = "```repl\ntry:\n    await theirs()\nexcept NameError:\n    FINAL([await mine(), await rlm_query('x')])\n```"
    stage = Stage(ScriptedModel([root, child]), tools=Toolset.of([mine]), child_tools=Toolset.of([theirs]))
    assert (await stage.answer()).value == ["root's", "child's"]


async def test_calls_of_tools_stand_in_the_journal_and_count_no_tokens() -> None:
    code = "await lookup('a', limit=2)\ntry:\n    await lookup(3)\nexcept ValueError:\n    FINAL('x')"
    stage = Stage(cells(code), tools=Toolset.of([lookup]))
    await stage.answer()
    rows = [(row.key, row.payload, row.outcome) for row in stage.tree.journal.effects("r") if row.kind == "tool"]
    assert rows[0] == ("1.0.1", {"name": "lookup", "arguments": {"name": "a", "limit": 2}}, {"value": ["a", "a"]})
    assert rows[1][2] == {"error": "ValueError", "message": "lookup(): name: Input should be a valid string"}
    assert stage.budget.subcalls == 0


async def test_a_run_that_is_cancelled_does_not_wait_for_its_tools(gate: threading.Event) -> None:
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(60)

    stage = Stage(cells("await hang()"), tools=Toolset.of([hang]))
    started = time.perf_counter()
    async with anyio.create_task_group() as group:
        group.start_soon(stage.answer)
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
    assert time.perf_counter() - started < 5
    gc.collect()


async def test_the_deadline_of_the_run_ends_a_call_of_a_tool(gate: threading.Event) -> None:
    def hang() -> None:
        gate.wait(60)

    end = await Stage(cells("await hang()"), tools=Toolset.of([hang]), limits=RunLimits(wall_seconds=0.3)).answer()
    assert end.failure is not None
    assert end.failure.limit == "wall_seconds"


async def test_cells_of_each_sandbox_call_tools(sandbox: str, gate: threading.Event) -> None:
    def hang() -> None:
        gate.wait(60)

    code = (
        "found = [lookup('a', limit=2), slow(0.001), born({'name': 'Ada', 'born': 1815})]\n"
        "try:\n    lookup('a', limit='many')\nexcept ValueError as e:\n    found.append(str(e).split(',')[0])\n"
        "try:\n    hang()\nexcept TimeoutError as e:\n    found.append(str(e))\nFINAL(found)"
    )

    def born(who: Person) -> Person:
        return Person(name=who.name.upper(), born=who.born)

    tools = [lookup, slow, born, Tool.of(hang, limits=ToolLimits(wall_seconds=0.1))]
    result = await RLM(cells(code), tools=tools, sandbox=sandbox, journal=":memory:").arun("q", "c")
    ada = {"name": "ADA", "born": 1815}
    problem = "lookup(): limit: Input should be a valid integer"
    assert result.value == [["a", "a"], "done", ada, problem, "hang(): no answer within 0.1 s"], result.error


async def test_a_tool_call_is_an_event() -> None:
    def good() -> int:
        return 1

    def bad() -> int:
        raise KeyError("secret")

    stage = Stage(cells("await good()", "await bad()"), tools=Toolset.of([good, bad]))
    await stage.answer()
    seen = [(event.step, event.name, event.error) for event in stage.of(ToolCalled)]
    assert seen == [(1, "good", None), (2, "bad", "RuntimeError: bad failed (KeyError)")]
