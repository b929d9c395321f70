"""Runs in the test's own process, with a journal on disk that outlives them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cellblock import RLM
from cellblock.errors import CellblockError, ModelUnavailable
from cellblock.models.protocol import Message, ModelResponse, Usage
from cellblock.models.scripted import Line
from cellblock.store.codec import pack, unpack
from cellblock.store.journal import Journal

from . import story
from .host import SECRET


class Told:
    """Says what the story has its models say."""

    def __init__(self, name: str = "told") -> None:
        self.name = name
        self.calls = 0

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        self.calls += 1
        return ModelResponse(text=story.reply(messages), usage=Usage(input_tokens=10, output_tokens=5, calls=1), model=self.name)

    async def aclose(self) -> None:
        """Nothing to close."""


class Down(Told):
    """Is down at one of its calls: the run fails there, and can be resumed."""

    def __init__(self, at: int, *, usage: Usage | None = None) -> None:
        super().__init__()
        self._at, self._usage = at, usage

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int | None = None, sampling: Mapping[str, Any] | None = None
    ) -> ModelResponse:
        if self.calls + 1 == self._at:
            raise ModelUnavailable("the model is down", usage=self._usage)
        return await super().complete(messages, max_tokens=max_tokens, sampling=sampling)


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def cells(*codes: str) -> list[Line]:
    """A reply for each cell, and then an answer."""
    return [*map(cell, codes), "FINAL(over)"]


def rlm(model: Any, folder: Path, **settings: Any) -> RLM:
    return RLM(model, **{"journal": folder / "journal.db", "secret": SECRET} | settings)


def story_rlm(folder: Path, sandbox: str, model: Any = None, **settings: Any) -> RLM:
    return rlm(model or Told(), folder, **{"sandbox": sandbox, "tools": [story.weigh]} | settings)


async def failed(engine: RLM, question: str = "q", context: str = "the context") -> str:
    """Run what must fail; the error as a line."""
    try:
        await engine.arun(question, context)
    except CellblockError as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it did not fail")


def last_run(folder: Path) -> str:
    with Journal(folder / "journal.db") as journal:
        return journal.runs(parent=None)[-1].run_id


def edit(folder: Path, table: str, where: str, change: Callable[[Any], Any]) -> None:
    """Change a packed column of the first row there, by hand: `task` of `runs`, `payload` of `effects`, `outcome` of `outcomes`."""
    column = {"runs": "task", "effects": "payload", "outcomes": "outcome"}[table]
    with closing(sqlite3.connect(folder / "journal.db")) as database, database:
        row, data = database.execute(f"SELECT rowid, {column} FROM {table} WHERE {where} ORDER BY rowid LIMIT 1").fetchone()
        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (pack(change(unpack(data))), row))


def outcome_of(kind: str, key: str) -> str:
    """For `edit`: the outcome of the root's effect."""
    return f"(run, seq) IN (SELECT run, seq FROM effects WHERE kind = '{kind}' AND key = '{key}' AND run = (SELECT min(number) FROM runs))"
