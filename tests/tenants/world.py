"""Two runs of two tenants at once, in one process, in one journal, one cache and one sandbox: met half way, and looked at."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from cellblock import RLM
from cellblock.engine.roles import Models
from cellblock.events import AnyEvent
from cellblock.models import ScriptedModel, resolve
from cellblock.models.cache import FileCache
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.repl.keys import tenant_key
from cellblock.repl.registry import find_sandbox
from cellblock.repl.zygote import running_spares
from cellblock.store.opening import open_store

from .memory import family, found_in, layout, opened

MARK = secrets.token_hex(12)
"""Of this process of tests: every secret begins with it, so that one search finds them all. In no file."""
ON_THE_HOST = f"{MARK}-host"
"""In this process's environment and memory."""
SECRET = f"{MARK}-secret".encode() * 2
"""What the keys of all tenants are made of."""
GUEST_WORDS = ("context", "variable", "tool", "subcall", "file")
"""What a tenant's own worker holds."""
HOST_WORDS = ("tenant", "apikey", "raised")
"""What no worker holds, not even the tenant's own."""
CELLS = (
    """
import random, time
own_{name} = "{variable}"
asked = llm_query("What is the same question, asked by both?")
told = lookup("anything")
vfs.write("{name}.txt", "{file}")
seen = ctx.slice(0, 200)
wrong = []
try:
    failing()
except Exception as error:
    wrong.append(str(error))
try:
    vfs.read("no such file")
except Exception as error:
    wrong.append(str(error))
drawn = [time.time(), random.random(), random.Random().random()]
meet()
""",
    "no_such_variable",
    "FINAL([asked, told, seen, wrong, drawn])",
)


class Shared:
    """One model that both tenants ask: each call gets another answer, and the caller's own secret."""

    name = "shared"

    def __init__(self) -> None:
        self.calls = 0
        self.asking = ""

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.calls += 1
        return ModelResponse(
            text=f"answer {self.calls} {self.asking}", usage=Usage(input_tokens=1, output_tokens=1, calls=1), model=self.name
        )

    async def aclose(self) -> None:
        pass


@dataclass
class Seen:
    """The processes of a tenant while its run waits in the middle of a cell."""

    pids: list[int]
    session: list[int]
    """Those that serve the run: a worker, and its interpreter where that is a child."""
    names: dict[int, str]
    handles: list[int]
    """Of each of `session`, a pidfd."""
    spaces: set[str]
    layouts: set[int]
    told: str
    """Command lines and environments."""
    root: str
    """The folder that its zygote made."""
    open: dict[str, tuple[int, int]]
    words: dict[int, set[bytes]]
    """What of anybody's secrets lies in the memory of each."""


@dataclass
class Tenant:
    """One of the two."""

    name: str
    world: World
    model: ScriptedModel = field(init=False)
    events: list[AnyEvent] = field(default_factory=list)
    result: Any = None
    seen: Seen = field(init=False)
    met: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        cells = [cell.format(name=self.name, variable=self.word("variable"), file=self.word("file")) for cell in CELLS]
        self.model = ScriptedModel([f"```repl\n{cell}\n```" for cell in cells], name="root")
        keyed = resolve("any", base_url="http://127.0.0.1:9/v1", api_key=self.word("apikey"))
        world = self.world
        self.rlm = RLM(
            Models(root=self.model, sub=world.shared, named={"keyed": keyed}),
            sandbox=world.sandbox,
            tools=self._tools(),
            cache=world.cache,
            journal=world.journal,
            secret=SECRET,
            tenant=self.tenant,
        )

    def word(self, what: str) -> str:
        """A secret of this tenant."""
        return f"{MARK}-{self.name}-{what}"

    @property
    def tenant(self) -> str:
        return self.word("tenant")

    @property
    def key(self) -> bytes:
        """What its snapshots are sealed with."""
        return tenant_key(self.tenant, SECRET)

    def _tools(self) -> list[Any]:
        async def meet() -> str:
            """Wait for the other tenant."""
            self.met.set()
            await self.world.over.wait()
            return "met"

        def lookup(name: str) -> str:
            """What the tenant's own service says."""
            return self.word("tool")

        def failing() -> str:
            """Fail."""
            raise ValueError(self.word("raised"))

        return [meet, lookup, failing]

    async def run(self) -> None:
        """Its whole run."""
        self.world.shared.asking = self.word("subcall")
        question = f"What does {self.name} want?"
        self.result = await self.rlm.arun(question, f"The text of {self.word('context')} and no more.", on_event=self.events.append)

    def task(self) -> Mapping[str, Any]:
        """What is on record of its run."""
        with open_store(self.world.journal, tenant=self.tenant, key=self.key) as store:
            return store.journal.run(self.result.run_id).task

    def look(self) -> Seen:
        """At its processes, now."""
        pool = running_spares(find_sandbox(self.world.sandbox), self.tenant)
        assert pool is not None and pool.wait_ready(20)
        pids = family(pool.zygote._process.pid)
        about = {pid: opened(pid) for pid in pids}
        session = [each for pid in pids if any("memfd:cellblock-mail" in name for name in about[pid]) for each in family(pid)]
        told = b" ".join(Path(f"/proc/{pid}/{name}").read_bytes() for pid in pids for name in ("cmdline", "environ")).decode()
        return Seen(
            pids=pids,
            session=session,
            names={pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids},
            handles=[os.pidfd_open(pid) for pid in session],
            spaces={os.readlink(f"/proc/{pids[1]}/ns/{name}") for name in ("pid", "net", "ipc", "mnt", "uts")},
            layouts=layout(pids[1]),
            told=told,
            root=told.partition('"root": "')[2].partition('"')[0],
            open={f"{pid} {name}": where for pid, names in about.items() for name, where in names.items()},
            words={pid: found_in(pid, MARK.encode(), self.world.words()) for pid in pids},
        )

    @property
    def shown(self) -> str:
        """Everything that its model and its caller were shown."""
        return repr([call.messages for call in self.model.calls]) + repr(self.result) + repr(self.events)


@dataclass
class World:
    """Both, in one sandbox."""

    sandbox: str
    folder: Path
    over: anyio.Event = field(default_factory=anyio.Event)
    unreadable: str = ""
    """Why the processes could not be looked at."""

    def __post_init__(self) -> None:
        self.shared, self.cache = Shared(), FileCache(self.folder / "cache")
        self.tenants = [Tenant(name, self) for name in ("alpha", "omega")]

    async def live(self) -> None:
        """Run both: the second begins while the first waits, so that its zygote is started while all of the first's is open."""
        async with anyio.create_task_group() as group:
            with anyio.fail_after(60):
                for one in self.tenants:
                    group.start_soon(one.run)
                    await one.met.wait()
                for one in self.tenants:
                    await self._look(one)
            self.over.set()

    async def _look(self, one: Tenant) -> None:
        try:
            one.seen = await anyio.to_thread.run_sync(one.look)
        except PermissionError as error:
            self.unreadable = f"this user may not look into the workers' processes: {error}"

    @property
    def journal(self) -> Path:
        """Where both are recorded."""
        return self.folder / "journal.db"

    def words(self) -> set[bytes]:
        """All that is secret."""
        keys = {one.key for one in self.tenants}
        words = {one.word(what).encode() for one in self.tenants for what in (*GUEST_WORDS, *HOST_WORDS)}
        return keys | words | {ON_THE_HOST.encode(), SECRET}

    def pairs(self) -> list[tuple[Tenant, Tenant]]:
        """Each with the other one."""
        first, second = self.tenants
        return [(first, second), (second, first)]
