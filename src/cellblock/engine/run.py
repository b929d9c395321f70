"""`RLM`: ask a question about a context, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..events import AnyEvent
from ..host.vfs import VfsLimits
from ..limits import ExecLimits, RunLimits
from ..models.cache import CallCache
from ..models.prices import Price
from ..repl.keys import tenant_key
from ..repl.registry import find_sandbox
from .answering import Engine
from .contexts import ContextSource
from .conversation import Conversation
from .given import check_given, check_models, check_prices, check_tools
from .guards import Guards
from .history import History
from .policies import Policy, load_policy
from .portal import blocking
from .prompt import PromptSettings
from .recorded_run import RecordedRun
from .results import RunResult
from .roles import Model, Models, Roles
from .settings import Settings, Turn
from .snapshots import SnapshotPolicy
from .stream import RunStream
from .tasks import interpreter_of
from .threads import Thread
from .tools import Tool, Toolset
from .typed import answer_type

ASK_OF_PROMPT = "Do what the context asks for, and answer what it asks."
"""The question where a prompt came without one."""


class RLM:
    """A Recursive Language Model: the model answers by writing cells that read the context. Reusable, also in parallel.

    Args:
        model: for the loop; or `Models`, which name one for each role and depth.
        sub_model: for sub-calls; None takes `model`.
        sandbox: a name that `cellblock sandboxes` lists.
        limits: of a run and all its child runs.
        exec_limits: of one cell.
        guards: what an answer must have behind it, and when a run gives up.
        prompt: how the system message and the first one are made.
        history: how much of its conversation the model is shown again.
        policy: a profile that gives those three where they are not given: a name (baseline, format_strict, depth_soft, depth_strict,
            format_plus_depth), `Path("file.json")` with a policy named like the file's stem, or a `Policy`.
        tools: typed Python functions that cells of the root may call.
        child_tools: the same for child runs; None gives them the root's.
        cache: of sub-calls, off by default: a folder, a `*.db` file or a `redis://` address; or a `CallCache`.
        prices: of models, by name, before the table that comes with the package.
        journal: path of the SQLite file that records every effect, or `postgresql://…`; None takes `journal.db` in the user's data
            folder, `:memory:` keeps none.
        vfs: quotas of each run's virtual files.
        snapshots: when the state of a run's session is kept, so that a run which is cut off has less to do again.
        secret: at least 32 bytes that seal what is kept beside the journal; None takes a secret of this user. Several machines that go on
            with each other's runs need the same.
        seed: of the cells' randomness; None takes the tenant's own, the same for each run, which no other tenant can guess.
        allow_weak_isolation: run although a layer of the jail is missing on this machine.
        tenant: whose runs these are; tenants share no process and no cached answer.

    Attributes:
        engine: performs its runs.

    Raises:
        ConfigError: the model or the sandbox is unknown, a key is missing, or the settings contradict each other.
    """

    def __init__(
        self,
        model: Model | Models,
        *,
        sub_model: Model | None = None,
        sandbox: str = "monty",
        limits: RunLimits | None = None,
        exec_limits: ExecLimits | None = None,
        guards: Guards | None = None,
        prompt: PromptSettings | None = None,
        history: History | None = None,
        policy: str | Path | Policy | None = None,
        tools: Sequence[Callable[..., Any] | Tool] = (),
        child_tools: Sequence[Callable[..., Any] | Tool] | None = None,
        cache: str | os.PathLike[str] | CallCache | None = None,
        prices: Mapping[str, Price] | None = None,
        journal: str | os.PathLike[str] | None = None,
        vfs: VfsLimits | None = None,
        snapshots: SnapshotPolicy | None = None,
        secret: bytes | None = None,
        seed: int | None = None,
        allow_weak_isolation: bool = False,
        tenant: str = "default",
    ) -> None:
        check_given(sandbox=sandbox, limits=limits, exec_limits=exec_limits, guards=guards, prompt=prompt, history=history, cache=cache)
        check_given(journal=journal, tenant=tenant, seed=seed, prices=prices, vfs=vfs, snapshots=snapshots, secret=secret)
        check_given(allow_weak_isolation=allow_weak_isolation)
        check_prices(prices)
        spec = find_sandbox(sandbox)
        profile = _policy(policy)
        own_tools = Toolset.of(check_tools("tools", tools))
        settings = Settings(
            sandbox=sandbox,
            exec_limits=exec_limits or ExecLimits(),
            seed=seed,
            tenant=tenant,
            secret=secret,
            allow_weak_isolation=allow_weak_isolation,
            guards=guards or profile.guards,
            prompt=prompt or profile.prompt,
            history=history or profile.history,
            tools=own_tools,
            child_tools=own_tools if child_tools is None else Toolset.of(check_tools("child_tools", child_tools)),
            python=spec.facts.prompt,
            soft_limits=spec.facts.soft_limits,
            interpreter=interpreter_of(spec),
            prices=dict(prices or {}),
            vfs=vfs or VfsLimits(),
            snapshots=snapshots or SnapshotPolicy(),
        )
        models = _models(model, sub_model)
        self.engine = Engine(models=models, limits=limits or RunLimits(), settings=settings, journal=journal, cache=cache)
        # Now and not at the first run: a missing key is the caller's to fix here.
        check_models(Roles(models), tenant)
        if secret is not None:
            tenant_key(tenant, secret)

    @property
    def limits(self) -> RunLimits:
        """Of each run."""
        return self.engine.limits

    def __repr__(self) -> str:
        """What answers, and where its cells run."""
        root = self.engine.models.root
        return f"<RLM: {getattr(root, 'name', root)} on {self.engine.settings.sandbox}>"

    async def arun(
        self,
        question: str,
        context: ContextSource,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """Answer `question` about `context`. Cancelling it ends everything that it started.

        Args:
            question: one text.
            context: a text, a list of texts, a dict of name to text, a Path, or a `Context`, which stays open.
            output_type: what the answer has to be: a pydantic model, any type that pydantic can validate, or a JSON Schema as a dict.
                The answer comes back in `output`.
            on_event: called with each event as it happens; must not block.

        Raises:
            ConfigError: the context cannot be read, the type cannot be checked, or a price is unknown where money is limited.
            ModelError: the model failed.
            SandboxUnavailable: the sandbox cannot run here.
            SandboxBroken: its worker lied or died and could not be replaced.
            StoreError: an effect could not be recorded.
        """
        return await self.engine.answer(question, context, Turn(answer_type=answer_type(output_type)), on_event)

    def run(
        self,
        question: str,
        context: ContextSource,
        *,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """`arun` for code without an event loop; Ctrl-C cancels the run. Under a running loop it works too, and blocks it.

        Raises:
            CellblockError: as `arun`.
        """
        return blocking(partial(self.arun, question, context, output_type=output_type, on_event=on_event))

    def stream(self, question: str, context: ContextSource, *, output_type: object = None) -> RunStream[RunResult]:
        """The run's events while it runs: `async for event in rlm.stream(…)`; the result is in `.result` afterwards.

        The run starts with the iteration; leaving that early cancels it.
        """
        return RunStream(lambda emit: self.arun(question, context, output_type=output_type, on_event=emit))

    def recorded(self, run_id: str) -> RecordedRun:
        """A run in the journal: to go on with it, branch off from it or replay it."""
        return RecordedRun(self.engine, run_id)

    async def aresume(self, run_id: str, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None) -> RunResult:
        """Go on with a run that was cut off; see `RecordedRun.aresume`.

        Raises:
            CellblockError: as there.
        """
        return await self.recorded(run_id).aresume(output_type=output_type, on_event=on_event)

    def resume(self, run_id: str, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None) -> RunResult:
        """`aresume` for code without an event loop.

        Raises:
            CellblockError: as there.
        """
        return blocking(partial(self.aresume, run_id, output_type=output_type, on_event=on_event))

    def completion(self, prompt: ContextSource, query: str | None = None) -> RunResult:
        """`run` in the order of arguments that other engines have: the long input first. Without `query` the input says what to do.

        Raises:
            CellblockError: as `arun`.
        """
        return self.run(ASK_OF_PROMPT if query is None else query, prompt)

    def session(self, context: ContextSource | None = None) -> Conversation:
        """Several questions to one REPL, one after the other: contexts add up, variables stay.

        Args:
            context: the first part of it; more may come with every question.
        """
        return Conversation(self.engine.answer, context)

    def thread(self, name: str) -> Thread:
        """A session that is kept under a name, beside the journal: any process can go on with it, one at a time.

        Args:
            name: any printable text of at most 100 characters. It is made with its first document or question.

        Raises:
            ConfigError: that is no name, or the journal is in memory, where nothing is kept.
        """
        return Thread(self.engine, name)


def _models(model: Model | Models, sub_model: Model | None) -> Models:
    if not isinstance(model, Models):
        return Models(root=model, sub=sub_model)
    if sub_model is not None:
        raise ConfigError("sub_model= goes with one model; in Models(...) it is sub=")
    return model


def _policy(policy: str | Path | Policy | None) -> Policy:
    if policy is None:
        return Policy()
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, Path):
        return load_policy(policy.stem, policy)
    if not isinstance(policy, str):
        raise ConfigError(f"policy={repr(policy)[:60]}: a name, a Path or a Policy is needed, not {type(policy).__name__}")
    return load_policy(policy)
