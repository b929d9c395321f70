"""The step `run`: a whole run under attack, with a scripted model, and everything that anybody gets to see of it."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engine.results import RunResult
from ..engine.run import RLM
from ..errors import CellblockError
from ..events import AnyEvent, RunEnded, RunStarted, SessionOpened
from ..limits import ExecLimits
from ..store.trace import TraceWriter
from .attempts import Step, whole
from .cast import Cast
from .evidence import TEXT_CHARS, Evidence, Timed
from .provider import Provider, served
from .screens import Screens, commands_for, faults_of, not_json, strange
from .tables import RunSettings

CONTEXT = "The answer is 42.\n"
"""Where an attempt brings none."""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "XAI_API_KEY", "HF_TOKEN")
"""Variables that hold the key of the attempt while it runs. It is nobody's."""

RUN_SECONDS = 30.0
"""Of a run whose attempt has no limit of its own."""
SECRET = "CELLBLOCK_SECRET_FILE"
PIECE_BYTES = 2**20
SCREENS = Screens()


@dataclass
class _Run:
    """One run, and what came of it."""

    step: Step
    settings: RunSettings
    folder: Path
    placeholders: dict[str, str]
    evidence: Evidence = field(default_factory=Evidence)
    run_id: str = ""
    """Empty while there is none."""
    provider: Provider | None = None
    _open: set[str] = field(default_factory=set)
    """Ids of the runs of its tree that have a session now."""

    @property
    def journal(self) -> Path:
        """Where it is recorded."""
        return self.folder / "journal.db"

    @property
    def trace(self) -> Path:
        """Where its events are written as they happen."""
        return self.folder / "trace.jsonl"

    def filled(self, text: Any) -> str:
        """A text of the attempt, whole."""
        return whole(text, self.placeholders.items())

    async def perform(self, cast: Cast, sandbox: str, limits: ExecLimits) -> None:
        """Ask the question. An error of ours is an end like any other."""
        started = time.perf_counter()
        try:
            rlm = RLM(cast.models(), sandbox=sandbox, journal=self.journal, **self.settings.options(limits, self.filled))
            with TraceWriter(self.trace) as writer:
                result = await self._asked(rlm, self._hearing(writer, limits.memory_bytes))
        except (CellblockError, TypeError) as error:
            # A TypeError is how Python refuses a keyword that nobody knows.
            self.evidence.refused.append(f"{type(error).__name__}: {error}"[:1_000])
            self.evidence.add("A", "refusal", f"{type(error).__name__}: {error}")
        else:
            self._took(result)
        allowed = self.settings.get("limits", {}).get("wall_seconds", RUN_SECONDS)
        self.evidence.timed.append(Timed(seconds=time.perf_counter() - started, allowed=allowed, what="the run"))

    async def _asked(self, rlm: RLM, hear: Any) -> RunResult:
        settings, query = self.settings, self.filled(self.step.query)
        documents = {self.filled(name): self.filled(text) for name, text in settings.get("documents", {}).items()}
        context = documents or self.filled(self.step.context) or CONTEXT
        strange = {name: self.filled(value) if isinstance(value, str) else value for name, value in settings.strange.items()}
        if (run_id := settings.get("resume")) is not None:
            return await rlm.aresume(self.filled(run_id), on_event=hear)
        if (name := settings.get("thread")) is not None:
            async with rlm.thread(self.filled(name)) as thread:
                return await thread.arun(query, context, on_event=hear, **strange)
        result = await rlm.arun(query, context, output_type=settings.get("schema"), on_event=hear, **strange)
        if (reply := settings.get("branch")) is not None:
            return await rlm.recorded(result.run_id).abranch(1, self.filled(reply), on_event=hear)
        return result

    def _hearing(self, writer: TraceWriter, session_bytes: int) -> Any:
        def hear(event: AnyEvent) -> None:
            if isinstance(event, RunStarted):
                self.run_id = self.run_id if event.depth else event.run_id
            elif isinstance(event, SessionOpened):
                self._open.add(event.run_id)
                self.evidence.allowed_bytes = max(self.evidence.allowed_bytes, len(self._open) * session_bytes)
            elif isinstance(event, RunEnded):
                self._open.discard(event.run_id)
            writer.write(event)

        return hear

    def _took(self, result: RunResult) -> None:
        evidence = self.evidence
        evidence.answer = result.answer[:TEXT_CHARS] if result.success else None
        evidence.calls = result.subcalls
        for what, text in (("answer", result.answer), ("value", repr(result.value)), ("error", result.error or "")):
            evidence.add("A", what, text)
        for path, data in result.files.items():
            evidence.add("A", "file", f"{path}\n{data[: 4 * TEXT_CHARS].decode('utf-8', 'replace')}")  # what is kept of it

    # -- what others see of it

    def look(self, cast: Cast, key: str) -> None:
        """At all of it. Takes a second or two."""
        self.look_at_prompts(cast)
        self.look_at_trace()
        if self.journal.exists():
            self.look_at_screens()
        self.look_for(key)

    def look_at_prompts(self, cast: Cast) -> None:
        """All that any model was told, and in which roles: the context must not speak as the system."""
        for model, messages in cast.heard():
            roles = [message.role for message in messages]
            if "system" in roles[1:]:
                self.evidence.unequal.append(f"{model} was asked by {' '.join(roles)}")
            for message in messages:
                self.evidence.add("prompt", f"prompt of {model}, {message.role}", message.content)
                if (why := _no_text(message.content)) is not None:
                    self.evidence.unequal.append(f"a prompt of {model} is no text: {why}")

    def look_at_trace(self) -> None:
        """Each line on its own, as whoever reads a log line by line would: an event, whole, and nothing that acts on a terminal."""
        data = self.trace.read_bytes() if self.trace.exists() else b""
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        for number, line in enumerate(filter(None, lines), 1):
            self.evidence.add("trace", "trace", line)
            if (why := not_json(line)) is not None:
                self.evidence.unequal.append(f"line {number} of the trace is no JSON: {why}")
            if found := strange(line):
                self.evidence.unequal.append(f"line {number} of the trace holds {', '.join(found)}")

    def look_at_screens(self) -> None:
        """What the command line shows of it."""
        given = self.settings.get("commands", [])
        mine = [[self.filled(word) for word in words] for words in given]
        thread = self.settings.get("thread")
        named = None if thread is None else self.filled(thread)
        commands = (commands_for(self.run_id, named) if self.run_id else [["runs"]]) + mine
        kept = {name: os.environ[name] for name in (*KEYS, SECRET)}
        for screen in SCREENS.shown(self.journal, commands, kept):
            self.evidence.add("screen", screen.name, screen.stdout)
            self.evidence.add("screen", screen.name, screen.stderr)
            self.evidence.unequal += faults_of(screen)

    def look_for(self, key: str) -> None:
        """The key, wherever it does not belong; and what the attacker's provider was sent."""
        if self.provider is not None:
            for request in self.provider.received:
                self.evidence.add("request", "request", request.replace(key, "[its key]") if self.settings.gives_key else request)
        found = sorted({came.what for came in self.evidence.came if key in came.text})
        found += [path.name for path in self.folder.iterdir() if path.is_file() and _holds(path, key.encode())]
        self.evidence.unequal += [f"the key stands in: {what}" for what in found]


@dataclass
class Asked:
    """A run that is over, and has not been looked at yet.

    Attributes:
        evidence: what came of it; complete once it was looked at.
    """

    evidence: Evidence
    _look: Callable[[], None]
    _stack: ExitStack

    def look(self) -> Evidence:
        """Look at all that anybody gets to see of it. Blocks for a second or two, so not where the event loop is watched."""
        with self._stack:
            self._look()
        return self.evidence

    def close(self) -> None:
        """Do not look at it."""
        self._stack.close()


async def ask(step: Step, *, sandbox: str, limits: ExecLimits, canaries: Mapping[str, str]) -> Asked:
    """Answer the step's `query` over its `context` with its replies.

    Besides the canaries' names, `@KEY@` stands for a key that the environment holds, `@DIR@` for a folder of the run's own, `@BASE@` for
    the address of the attempt's provider.

    Args:
        step: `cellblock.audit.tables` lists what its settings may hold; anything else is given to the run as a keyword.
        sandbox: of the cells.
        limits: of each cell.
        canaries: values of the placeholders.
    """
    key = f"sk-{secrets.token_hex(20)}"
    settings = RunSettings(step.settings)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cellblock-audit-", ignore_cleanup_errors=True)))
        run = _Run(step, settings, folder, {**canaries, "@KEY@": key, "@DIR@": str(folder)})
        stack.enter_context(_environment({**dict.fromkeys(KEYS, key), SECRET: str(folder / "secret")}))
        async with AsyncExitStack() as serving:
            if (answers := settings.get("provider")) is not None:
                run.provider = await serving.enter_async_context(served(answers, run.placeholders))
                run.placeholders["@BASE@"] = run.provider.base_url
            cast = Cast(step, settings, run.filled)
            await run.perform(cast, sandbox, limits)
            await cast.aclose()
        return Asked(run.evidence, lambda: run.look(cast, key), stack.pop_all())


async def warm(sandbox: str) -> None:
    """Load what a run needs, and start the process of the command line: neither is the first attempt's."""
    cell = "```repl\nllm_query('warm')\n```"
    for model in ("openai:m", "openai+responses:m", "anthropic:m"):
        remote = {"model": model, "base_url": "@BASE@/v1"}
        settings = {"provider": [{"status": 400}], "remote": remote, "tool_results": {"tool": "warm"}}
        asked = await ask(Step(run=[cell, "FINAL(1)"], settings=settings), sandbox=sandbox, limits=ExecLimits(), canaries={})
        asked.close()
    asked = await ask(Step(run=["```repl\n1\n```", "FINAL(1)"]), sandbox=sandbox, limits=ExecLimits(), canaries={})
    asked.look()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _holds(path: Path, key: bytes) -> bool:
    """Whether it stands in the file; a piece at a time is in memory."""
    end = b""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            if key in end + piece:
                return True
            end = piece[-len(key) :]
    return False


def _no_text(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return str(error)
    return None
