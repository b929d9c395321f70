"""The throw-away process: a host that trusts its sandbox, in which attempts are made one after the other.

Started by the auditor with a socket, and with the secret variable in its environment. Whatever an attempt does to it, it does not
judge: it tells what came out, and the auditor looks at the canaries.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import anyio

from ..errors import CellblockError
from ..in_thread import in_thread
from ..limits import ExecLimits
from ..repl.zygote import close_others, ready_everywhere
from . import hosts
from .attempts import Attempt
from .channel import Channel
from .evidence import Evidence, Message, Order, Request
from .lag import watched_loop
from .playing import play
from .processes import adopt_orphans, in_a_copy
from .stage import Stage
from .system import System, limits_of
from .systems import find_system
from .tree import Tree

CONTROL_BYTES, CONTROL_CPU_SECONDS = 2 * 2**30, 10
DONE = 86
"""What a copy of a control ends with when it has told all. Attempts that end their host say something else."""


def main() -> None:
    """Serve the auditor until it hangs up."""
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    order = channel.receive(Order)
    if order is None or order.planted is None:
        return
    hosts.HOST_SECRET = order.planted.in_memory
    adopt_orphans()
    try:
        system = find_system(order.system, order.walls)  # type: ignore[arg-type]
        limits = limits_of(order.wall_seconds, order.memory_bytes)
        if not system.is_control:
            anyio.run(_warm, system, order, limits)
    except CellblockError as error:
        channel.send(Message(unavailable=str(error)))
        return
    # Without a jail nothing ends what an interpreter has started.
    tree = Tree(counted=order.walls != "interpreter" and not system.is_control)
    channel.send(Message(ready=True))
    _rest_from_collecting()
    while (request := channel.receive(Request)) is not None:
        if system.is_control:
            _in_a_copy(lambda: anyio.run(_attempt, system, order, limits, request.read(), channel, tree))
        else:
            anyio.run(_attempt, system, order, limits, request.read(), channel, tree)


def _rest_from_collecting() -> None:
    """What is there by now stays. To look at all of it takes the cycle collector a tenth of a second, at a time that nobody chooses."""
    gc.collect()
    gc.freeze()


async def _warm(system: System, order: Order, limits: ExecLimits) -> None:
    stage = Stage(system, order, limits)
    await stage.begin()
    await stage.run("A", "1 + 1")
    await stage.end()
    await in_thread(ready_everywhere)


async def _attempt(system: System, order: Order, limits: ExecLimits, attempt: Attempt, channel: Channel, tree: Tree) -> None:
    if lacking := set(attempt.wants) - system.offers:
        channel.send(Message(evidence=Evidence(not_applicable=f"{system.name} has no {', '.join(sorted(lacking))}")))
        return
    # Attempts on files may need no more than `open`, and are then made on systems without virtual files, too.
    stage = Stage(system, order, limits, with_files="vfs" in attempt.wants or (attempt.kind == "D" and "vfs" in system.offers))
    try:
        if "runs" in attempt.wants and isinstance(system.sandbox, str) and await tree.ready_for_runs(system.sandbox):
            _rest_from_collecting()
        stage.evidence.not_made = await _begun(stage)
        channel.send(Message(began=True))
        if stage.evidence.not_made is None:
            async with watched_loop() as lag:
                await play(stage, attempt)
            stage.evidence.lag_seconds = lag.seconds
    except CellblockError as error:
        stage.evidence.refused.append(f"{type(error).__name__}: {error}"[:1_000])
    finally:
        await stage.end()
    evidence = stage.told()
    await in_thread(close_others, "default")
    evidence.leftover = await tree.leftover()
    channel.send(Message(evidence=evidence))


async def _begun(stage: Stage) -> str | None:
    """Why the first session did not open: what could not be made has shown nothing."""
    try:
        await stage.begin()
    except CellblockError as error:
        return f"{type(error).__name__}: {error}"[:1_000]
    return None


def _in_a_copy(work: Callable[[], object]) -> None:
    """A control leaves its marks on the process that it runs in, so each attempt has a copy of it."""

    def bounded() -> None:
        # Nothing else bounds what a control does to the machine.
        resource.setrlimit(resource.RLIMIT_AS, (CONTROL_BYTES, CONTROL_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CONTROL_CPU_SECONDS, CONTROL_CPU_SECONDS))
        work()
        os._exit(DONE)

    if in_a_copy(bounded) != DONE:
        os.kill(os.getpid(), signal.SIGKILL)  # as its host would have died


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
