"""The functions of a careless host, which attempts call: some answer what no sandbox should let in, one must never run.

They live in the throw-away process alone. `HOST_SECRET` is the secret in the host's memory: whoever gets hold of one of these as a
Python function can read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import anyio

from ..repl.protocol import External

HOST_SECRET = ""
"""Set by the throw-away process."""
OWNED: list[object] = ["kept", "by", "the", "host"]
"""What `host_list` gives out."""
WIPED: list[str] = []
"""Calls of `wipe`."""
CONTEXT = "The quick brown fox jumps over the lazy dog.\nNEEDLE-7719 is here.\n" + "hay " * 2_000 + "\nthe end\n"
"""What `ctx` reads where an attempt brings no context of its own."""
BATCH = 1_000


class Host:
    """The functions of one attempt, and what reached them."""

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 0.0
        """Spent answering."""
        self.received: list[str] = []
        """What arguments came: their text, or what is wrong with them."""
        WIPED.clear()
        OWNED[:] = ["kept", "by", "the", "host"]

    def externals(self) -> dict[str, External]:
        """What cells may call, by name."""
        return {name: self.counted(function) for name, function in offered().items()}

    def counted(self, function: Callable[..., Any]) -> External:
        """The function, with what reaches it taken down."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            self._look_at([*args, *kwargs.values()])
            started = anyio.current_time()
            try:
                answer = function(*args, **kwargs)
                return await answer if isinstance(answer, Awaitable) else answer
            finally:
                self.seconds += anyio.current_time() - started

        return call

    def _look_at(self, values: list[Any]) -> None:
        if strange := sorted({type(value).__name__ for value in every_value(values) if type(value) not in _PLAIN}):
            self.received.append(f"LIVE OBJECTS: {', '.join(strange)[:200]}")
        self.received += [value[:10_000] for value in values if type(value) is str][:20]


def offered() -> dict[str, Callable[..., Any]]:
    """The functions as they are."""
    return {
        "echo": echo,
        "llm_query": llm_query,
        "llm_query_batched": llm_query_batched,
        "host_len": host_len,
        "host_list": host_list,
        "host_weird": host_weird,
        "host_big": host_big,
        "host_slow": host_slow,
        "host_fail": host_fail,
        "host_base": host_base,
    }


def wipe(*args: object, **named: object) -> str:
    """What must never run: nobody offers it."""
    WIPED.append("a function of the host that must not run")
    return HOST_SECRET


_PLAIN = {type(None), bool, int, float, str, bytes, list, dict}


def every_value(values: list[Any], most: int = 10_000) -> Iterator[Any]:
    """The values and all inside them, up to so many."""
    waiting = list(values)
    for _ in range(most):
        if not waiting:
            return
        value = waiting.pop()
        yield value
        if type(value) is list:
            waiting += value[:most]
        elif type(value) is dict:
            waiting += [*value.keys(), *value.values()][:most]


def echo(value: object = None, *others: object, **named: object) -> object:
    """What it is given."""
    return value


def llm_query(prompt: object, **named: object) -> str:
    """An answer that depends on the prompt alone."""
    return f"about {len(prompt) if isinstance(prompt, str) else type(prompt).__name__} characters"


def llm_query_batched(prompts: list[object]) -> list[str]:
    """An answer each."""
    return [llm_query(prompt) for prompt in prompts[:BATCH]]


def host_len(value: Any) -> int:
    """How long it is.

    Raises:
        TypeError: it has no length.
    """
    return len(value)


def host_list() -> list[object]:
    """A list that the host keeps."""
    return OWNED


def host_big(size: int) -> str:
    """A text of that length, up to 64 MB."""
    return "x" * min(int(size), 64_000_000)


async def host_slow(seconds: float) -> str:
    """Takes its time, up to half a minute."""
    await anyio.sleep(min(float(seconds), 30.0))
    return "done"


class HostError(Exception):
    """What a host function raises that knows too much."""

    def __init__(self) -> None:
        super().__init__(f"cannot connect with key {HOST_SECRET} in {__file__}")
        self.key = HOST_SECRET
        self.filename = __file__
        self.add_note(HOST_SECRET)


def host_fail(kind: str = "") -> None:
    """Raises what has a secret in its text, its attributes, its cause and its traceback.

    Raises:
        HostError: always.
    """
    secret = HOST_SECRET
    try:
        raise KeyError(secret)
    except KeyError as error:
        if kind == "group":
            raise ExceptionGroup(secret, [HostError(), error]) from error
        if kind == "long":
            raise HostError from ValueError(secret * 100_000)
        raise HostError from error


def host_base(kind: str) -> None:
    """Raises what `except Exception` does not catch."""
    raise _BASE.get(kind, BaseException)(HOST_SECRET)


_BASE: Mapping[str, type[BaseException]] = {
    "exit": SystemExit,
    "kbd": KeyboardInterrupt,
    "generator_exit": GeneratorExit,
    "cancelled": asyncio.CancelledError,
    "stop": StopIteration,
    "async_stop": StopAsyncIteration,
    "memory": MemoryError,
    "recursion": RecursionError,
}


def host_weird(kind: str) -> object:
    """An answer that is no plain value."""
    return _WEIRD.get(kind, object)()


def _cycle() -> list[object]:
    made: list[object] = []
    made.append(made)
    return made


def _deep(levels: int = 100_000) -> list[object]:
    made: list[object] = []
    for _ in range(levels):
        made = [made]
    return made


class _Pretender(str):
    """A text that is none."""

    key = "a live object of the host"


_WEIRD: Mapping[str, Callable[[], object]] = {
    "object": object,
    "function": lambda: echo,
    "cycle": _cycle,
    "deep": _deep,
    "generator": lambda: (n for n in range(3)),
    "exception": HostError,
    "class": lambda: Host,
    "module": lambda: anyio,
    "nan": lambda: float("nan"),
    "surrogate": lambda: "\ud800",
    "bigint": lambda: 10**100_000,
    "bytes": lambda: b"\x00\xff" * 10,
    "set": lambda: {1, 2},
    "text": lambda: _Pretender("text"),
    "keys": lambda: {1: 2, (3,): 4},
}
