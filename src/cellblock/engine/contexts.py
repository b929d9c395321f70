"""Making a context without holding up the event loop."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from ..host.context import Context
from ..in_thread import in_thread

ContextSource: TypeAlias = "str | list[str] | dict[str, str] | Path | Context"
"""What a run's context may be given as."""
SMALL_CHARS = 1_000_000
"""A text of so many is copied and hashed in a few milliseconds, which a thread would not make shorter."""


async def open_context(source: object) -> Context:
    """What `Context.coerce` makes of `source`. What is large or has to be read is made, and hashed, in a thread.

    Raises:
        ConfigError: as `Context.coerce`.
    """
    if isinstance(source, str) and len(source) <= SMALL_CHARS:
        return Context.coerce(source)
    return await in_thread(_made, source, undo=Context.close)


def _made(source: object) -> Context:
    context = Context.coerce(source)
    # Kept by the context; the journal asks for it as soon as the run begins.
    _ = context.sha256
    return context
