"""`RecordedRun`: a run that is in the journal, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..events import AnyEvent
from .answering import Engine
from .contexts import ContextSource
from .portal import blocking
from .replaying import Replayed
from .reruns import Asked, branch, replay, resume
from .results import RunResult
from .run_files import recorded_files
from .typed import answer_type


class RecordedRun:
    """A run on record. Made by `RLM.recorded`. Nothing is read before one of its methods is called.

    Attributes:
        run_id: its id, as `RunResult.run_id` and `cellblock runs` tell it.
    """

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine, self.run_id = engine, run_id

    async def aresume(
        self, context: ContextSource | None = None, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None
    ) -> RunResult:
        """Go on where the run was cut off, cancelled or failed: what is on record is not done again, paid calls least of all.

        Calls that were under way when it was cut off are made again, since nobody knows what became of them; `ModelAsked.repeated` marks
        them. Sandbox, limits, guards and prompt are those on record; models, tools and prices those of this `RLM`.

        Args:
            context: the same that the run was asked about. None takes the one that was kept, which is done up to 64 MiB.
            output_type: as in `RLM.arun`; None takes the JSON Schema on record.

        Raises:
            ConfigError: there is no such run, it has ended, its tools are missing, or it needs its context.
            LeaseHeld: another process drives it.
            Diverged: it did something else than what is on record: code, prompt or sandbox are not what they were.
            CellblockError: as `RLM.arun`.
        """
        return await resume(self._engine, self.run_id, _asked(context, output_type, on_event))

    def resume(
        self, context: ContextSource | None = None, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None
    ) -> RunResult:
        """`aresume` for code without an event loop."""
        return blocking(partial(self.aresume, context, output_type=output_type, on_event=on_event))

    async def abranch(
        self,
        step: int,
        reply: str | None = None,
        *,
        context: ContextSource | None = None,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """A new run, which is this one up to a step and goes its own way from there. This one stays as it is.

        Args:
            step: whose reply is the first that is not taken from the record.
            reply: what the model is taken to have said there; None asks it again.

        Raises:
            ConfigError: there is no such run or step, or as `aresume`.
            CellblockError: as `RLM.arun`.
        """
        return await branch(self._engine, self.run_id, step, reply, _asked(context, output_type, on_event))

    def branch(
        self,
        step: int,
        reply: str | None = None,
        *,
        context: ContextSource | None = None,
        output_type: object = None,
        on_event: Callable[[AnyEvent], None] | None = None,
    ) -> RunResult:
        """`abranch` for code without an event loop."""
        return blocking(partial(self.abranch, step, reply, context=context, output_type=output_type, on_event=on_event))

    async def afiles(self) -> dict[str, bytes]:
        """The run's virtual files by path: as they were at its end, or where it was cut off.

        Raises:
            ConfigError: there is no such run.
            StoreError: they are gone or damaged; or it was cut off, and its cells had gone to another branch or back.
        """
        async with self._engine.store() as store:
            return recorded_files(store, self.run_id)

    def files(self) -> dict[str, bytes]:
        """`afiles` for code without an event loop.

        Raises:
            CellblockError: as there.
        """
        return blocking(self.afiles)

    async def areplay(
        self, context: ContextSource | None = None, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None
    ) -> Replayed:
        """The run once more: its cells run in a sandbox, all that came from models and tools is taken from the record, nothing is written.

        Raises:
            ConfigError: there is no such run, or it needs its context.
            StoreError: its record cannot be read, or another version wrote it.
        """
        return await replay(self._engine, self.run_id, _asked(context, output_type, on_event))

    def replay(
        self, context: ContextSource | None = None, *, output_type: object = None, on_event: Callable[[AnyEvent], None] | None = None
    ) -> Replayed:
        """`areplay` for code without an event loop."""
        return blocking(partial(self.areplay, context, output_type=output_type, on_event=on_event))


def _asked(context: ContextSource | None, output_type: object, on_event: Callable[[AnyEvent], None] | None) -> Asked:
    return Asked(context=context, answer_type=None if output_type is None else answer_type(output_type), on_event=on_event)
