"""What a session's cells left behind: whether it can be gone on from here, and how it looks to a person."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ConfigError, StaleSnapshot
from ..host.context import Context
from ..repl.keys import tenant_key
from ..repl.registry import find_sandbox
from ..repl.session import open_session
from ..repl.snapshot import sandbox_of, unseal
from .observations import error_text
from .settings import Carry, Settings


def carried(settings: Settings, snapshot: bytes | None, left_out: Mapping[str, str]) -> Carry:
    """What the next question goes on from. Variables that another version left are given up, and the prompt says so.

    Raises:
        ConfigError: they belong to another sandbox.
        TamperedSnapshot: the snapshot was changed, or is another tenant's.
    """
    if snapshot is not None:
        try:
            unseal(snapshot, find_sandbox(settings.sandbox), tenant_key(settings.tenant, settings.secret))
        except StaleSnapshot:
            theirs = sandbox_of(snapshot)
            if theirs not in ("", settings.sandbox):
                raise ConfigError(
                    f"its variables are in sandbox {theirs!r}, and this is {settings.sandbox!r}: take sandbox={theirs!r}, or another thread"
                ) from None
            return Carry(left_out={"(all variables)": "another version of the sandbox left them"})
    return Carry(snapshot=snapshot, left_out=left_out)


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
        snapshot_secret=settings.secret,
    )
    async with session:
        result = await session.exec("print(SHOW_VARS())")
    gone = "".join(f"\nnot there any more: {name} ({why})" for name, why in carry.left_out.items())
    return (result.stdout.rstrip() if result.error is None else error_text(result.error)) + gone
