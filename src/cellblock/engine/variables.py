"""What a session's cells left behind, for a person to look at."""

from __future__ import annotations

from ..host.context import Context
from ..repl.session import open_session
from .observations import error_text
from .settings import Carry, Settings


async def shown_variables(settings: Settings, carry: Carry | None, context: Context) -> str:
    """Names, types and sizes of the variables that the next question goes on with, as the sandbox itself tells them: a guest's words.

    Raises:
        SandboxError: the session could not be opened.
        StoreError: the snapshot is not of this sandbox or not of this tenant.
    """
    if carry is None or carry.snapshot is None:
        return ""
    session = await open_session(
        settings.sandbox,
        context=context,
        limits=settings.exec_limits,
        seed=settings.seed,
        tenant=settings.tenant,
        allow_weak_isolation=settings.allow_weak_isolation,
        snapshot=carry.snapshot,
    )
    async with session:
        result = await session.exec("print(SHOW_VARS())")
    gone = "".join(f"\nnot there any more: {name} ({why})" for name, why in carry.left_out.items())
    return (result.stdout.rstrip() if result.error is None else error_text(result.error)) + gone
