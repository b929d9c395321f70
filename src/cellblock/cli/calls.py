"""A run as the caller asked for it: checked before anything is spent, then performed and shown."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import CellblockError, ConfigError, SandboxUnavailable, StoreError
from ..limits import RunLimits
from .terminal import is_terminal, one_line, safe, say, to_json, write

if TYPE_CHECKING:
    from ..engine.policies import Policy
    from ..engine.results import RunResult
    from ..engine.run import RLM
    from ..host.context import Context
    from ..models.protocol import ModelAdapter
    from .board import Board
    from .watch import Show, Watcher

DEFAULTS = RunLimits()
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What to ask, of whom, where and under which limits."""

    question: str
    model: ModelAdapter | str | None
    sub_model: str | None = None
    base_url: str | None = None
    sandbox: str = "monty"
    limits: RunLimits = DEFAULTS
    journal: Path | str | None = None
    policy: str | None = None
    verify: bool = False
    output_schema: Path | None = None
    cache: str | None = None
    seed: int | None = None
    allow_weak_isolation: bool = False


@contextmanager
def read_context(sources: Sequence[str]) -> Iterator[Context]:
    """The context of files, folders, globs and `-`.

    Raises:
        ConfigError: nothing was named, something cannot be read as text, or all of it is empty.
    """
    from ..host.context import Context

    if not sources:
        raise ConfigError("no context: name a file, a folder or a glob with -c, or - for standard input")
    if "-" in sources:
        _announce_stdin()
    try:
        context = Context.from_paths(sources)
    except OSError as error:
        raise ConfigError(f"{error.filename or 'context'}: {error.strerror or error}") from error
    with context:
        yield context


def _announce_stdin() -> None:
    if sys.stdin is None:
        raise ConfigError("standard input is closed, so -c - has nothing to read")
    if is_terminal(sys.stdin):
        say("reading the context from the terminal; Ctrl-D ends it")


def tell_skipped(context: Context) -> None:
    """Say which files were left out of the context, and why; five at most, then how many more."""
    for skipped in context.skipped[:5]:
        say(f"skipped {one_line(skipped.name, 120)}: {one_line(skipped.why, 120)}")
    if len(context.skipped) > 5:
        say(f"skipped {len(context.skipped) - 5:,} more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """An engine, and the models that were made for it."""

    rlm: RLM
    models: tuple[ModelAdapter, ...]
    output_type: object = field(default=None, repr=False)
    """What the answer has to be."""


def build(call: Call) -> Ready:
    """The engine for `call`. Connects to nothing yet.

    Raises:
        ConfigError: a model or key that cannot be used, or settings that contradict each other.
    """
    from ..engine.run import RLM

    if not call.model:
        raise ConfigError("no model: name one with --model, such as openai:gpt-5 or simulated, or set CELLBLOCK_MODEL")
    model = model_of(call.model, call.base_url)
    sub_model = model if call.sub_model is None else model_of(call.sub_model, call.base_url)
    policy = _policy(call)
    rlm = RLM(
        model,
        sub_model=sub_model,
        sandbox=call.sandbox,
        limits=call.limits,
        policy=policy,
        cache=call.cache,
        journal=call.journal,
        seed=call.seed,
        allow_weak_isolation=call.allow_weak_isolation,
    )
    return Ready(rlm=rlm, models=(model, sub_model), output_type=read_schema(call.output_schema))


def _policy(call: Call) -> Policy:
    from ..engine.policies import load_policy

    name = call.policy or "baseline"
    policy = load_policy(Path(name).stem, Path(name)) if name.endswith(".json") else load_policy(name)
    return replace(policy, guards=replace(policy.guards, verifications=max(2, policy.guards.verifications))) if call.verify else policy


def read_schema(path: Path | None) -> dict[str, object] | None:
    """The JSON Schema in a file; None where none is named.

    Raises:
        ConfigError: the file cannot be read, or holds no JSON object.
    """
    import msgspec

    from ..engine.typed import answer_type

    if path is None:
        return None
    try:
        schema: dict[str, object] = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except OSError as error:
        raise ConfigError(f"--output-schema {path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"--output-schema {path}: a JSON object is needed: {error}") from error
    try:
        answer_type(schema)
    except ConfigError as error:
        raise ConfigError(f"--output-schema {path}: {str(error).removeprefix('output_type: ')}") from None
    return schema


def model_of(spec: ModelAdapter | str, base_url: str | None) -> ModelAdapter:
    """The adapter for a name on the command line.

    Raises:
        ConfigError: there is none of that name, or its key is missing.
    """
    from ..models import resolve

    if base_url is not None and isinstance(spec, str) and spec.partition(":")[0] == "simulated":
        raise ConfigError("--base-url: 'simulated' runs in this process; a server of it (cellblock simulate) is openai:simulated")
    try:
        return resolve(spec, base_url=base_url)
    except ConfigError as error:
        # The same advice in the words of this interface; a key is never given on a command line, where others can read it.
        text = str(error).replace(", or give api_key=", "").replace("base_url=", "--base-url")
        raise ConfigError(text) from error


def perform(ready: Ready, question: str, context: Context, show: Show) -> int:
    """Run, show, print the answer or the JSON object, and return the exit code.

    Raises:
        CellblockError: the run ended without a result.
        OSError: the answer or the trace could not be written.
    """
    limits = ready.rlm.limits
    return shown(ready, lambda watcher: result_of(ready, question, context, watcher, show), show, max_steps=limits.steps, context=context)


def shown(ready: Ready, perform: Callable[[Watcher], RunResult], show: Show, *, max_steps: int, context: Context | None = None) -> int:
    """`perform` under the eyes of whoever asked; then its answer or the JSON object. Returns the exit code.

    Args:
        max_steps: that the run may take; 0 where that is not known.
        context: names the files that were skipped.

    Raises:
        CellblockError: the run ended without a result. How to go on with it was told, where that can help.
        OSError: the answer or the trace could not be written.
    """
    from .going_on import tell_how
    from .watch import watching

    watcher = None
    try:
        with watching(show, max_steps=max_steps) as watcher:
            result = perform(watcher)
    except (KeyboardInterrupt, CellblockError) as error:
        if watcher is not None:
            tell_how(error, watcher.board, ready.rlm.engine.journal)
        raise
    publish(result, watcher.board, show, context)
    watcher.check_trace()
    return 0 if result.success else 1


def result_of(ready: Ready, question: str, context: Context, watcher: Watcher, show: Show) -> RunResult:
    """Run to the end under `watcher`; a run that broke is still reported under `--json`.

    Raises:
        CellblockError: the run ended without a result.
    """
    ask = partial(ready.rlm.arun, question, context, output_type=ready.output_type)
    try:
        return awaited(ready, ask, watcher, show)
    except StoreError as error:
        if watcher.board.started_at is None:
            # Of the journal or the cache, as it says itself; only the words differ from those of the library.
            raise ConfigError(str(error).replace("journal=", "--journal")) from error
        raise


def awaited(ready: Ready, ask: Callable[..., Awaitable[T]], watcher: Watcher, show: Show) -> T:
    """What comes of `ask`, which tells its events to `watcher`; a run that broke is still reported under `--json`.

    Raises:
        CellblockError: nothing came of it.
    """
    import anyio

    try:
        # Not by a stream: what happens while a run is cancelled belongs into its trace, too, and nobody iterates a stream by then.
        return anyio.run(_closing, ready, partial(ask, on_event=watcher.see))
    except CellblockError as error:
        began = watcher.board.started_at is not None or not isinstance(error, StoreError)
        if show.json and began and not isinstance(error, (ConfigError, SandboxUnavailable)):
            from .report import broken_fields

            write(to_json(broken_fields(error, watcher.board)))
        raise


async def _closing(ready: Ready, ask: Callable[[], Awaitable[T]]) -> T:
    async with AsyncExitStack() as stack:
        for model in ready.models:
            stack.push_async_callback(model.aclose)
        return await ask()


MOST_SKIPPED = 1_000
"""Skipped files that `--json` names; it counts all of them."""


def publish(result: RunResult, board: Board, show: Show, context: Context | None) -> None:
    """The answer, or the JSON object, on standard output; why there is none on standard error.

    Raises:
        OSError: standard output is full.
    """
    from .report import fields

    def told() -> dict[str, object]:
        if context is None:
            return fields(result, board)
        skipped = [{"name": one.name, "why": one.why} for one in context.skipped[:MOST_SKIPPED]]
        return {**fields(result, board), "skipped": skipped, "skipped_files": len(context.skipped)}

    tell(result, board, show, told)


def tell(result: RunResult, board: Board, show: Show, told: Callable[[], dict[str, object]]) -> None:
    """`publish` with another JSON object.

    Raises:
        OSError: standard output is full.
    """
    from .report import SIMULATED, is_simulated

    if show.json:
        write(to_json(told()))
    elif result.answer or result.success:
        write(safe(result.answer))
        if is_simulated(board):
            say(SIMULATED)
        if result.verified and not show.quiet:
            say("Verified: the answer passed its checks against the record of the run.")
    if board.ended is not None and board.ended.cache_error is not None:
        say(f"the cache was of no use, and every call was paid for: {one_line(board.ended.cache_error)}")
    if not result.success:
        partial = "; what is on standard output is a partial answer" if result.answer and not show.json else ""
        say(f"cellblock: {one_line(result.error or 'no answer')}{partial}")
