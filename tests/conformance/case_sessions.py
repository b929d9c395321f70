"""Runs a case against a session of a sandbox."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from case_externals import externals

from cases import Case, Observed, Step
from cellblock.host.context import Context
from cellblock.limits import ExecLimits
from cellblock.repl.protocol import ExecResult
from cellblock.repl.session import Session, open_session


async def run_case(sandbox: str, case: Case) -> list[Observed]:
    """Open a session as the case asks, and take its steps."""
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {
            "externals": externals(case.far),
            "limits": ExecLimits(**case.limits),
            "seed": case.seed,
            "clock": case.clock,
        }
        if case.context is not None:
            options["context"] = stack.enter_context(Context.coerce(case.context))
        session = await stack.enter_async_context(await open_session(sandbox, **options))
        return await _Run(sandbox, options, stack, session).take(case.steps)


class _Run:
    def __init__(self, sandbox: str, options: dict[str, Any], stack: AsyncExitStack, session: Session) -> None:
        self.sandbox, self.options, self.stack = sandbox, options, stack
        self.sessions = [session]

    async def take(self, steps: list[Step]) -> list[Observed]:
        return [await self.step(step) for step in steps]

    async def step(self, step: Step) -> Observed:
        session = self.sessions[-1]
        if step.kind == "cell":
            return observed(await session.exec(step.code))
        if step.kind == "fork":
            self.sessions.append(await self.stack.enter_async_context(await session.fork()))
        elif step.kind == "dump":
            await self.reload(session)
        elif step.kind == "back":
            self.sessions.pop()
        else:
            return await self.cross(session, step)
        return Observed()

    async def reload(self, session: Session) -> None:
        """Go on in another worker, with what was dumped."""
        snapshot = await session.dump()
        self.sessions[-1] = await self.stack.enter_async_context(await open_session(self.sandbox, snapshot=snapshot, **self.options))

    async def cross(self, session: Session, step: Step) -> Observed:
        try:
            if step.kind == "get":
                return Observed(final=repr(await session.get(step.name)))
            await session.set(step.name, step.value)
        except (LookupError, TypeError, ValueError) as error:
            return Observed(error=(type(error).__name__, str(error), None))
        return Observed()


def observed(result: ExecResult) -> Observed:
    """An exec's result, as cases look at it."""
    error = result.error
    return Observed(
        stdout=result.stdout,
        preview=result.value_preview,
        error=error and (error.kind, error.message, error.line),
        limit=error and error.limit,
        final=repr(result.final) if result.has_final else None,
        changed=", ".join(result.changed),
        dropped=result.stdout_dropped,
    )
