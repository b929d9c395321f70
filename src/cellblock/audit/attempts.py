"""The corpus: one TOML file per attempt to break out, with its class, technique, source and expectation."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..errors import ConfigError

CLASSES = {
    "A": "language escape",
    "B": "hostile values through externals",
    "C": "rewriter confusion",
    "D": "files",
    "E": "resources",
    "F": "checkpoint and fork tampering",
    "G": "leaks between tenants",
    "H": "the orchestrator",
    "I": "the protocol",
}
"""Each class, and what it attacks."""

Text = str | list[str | tuple[str, int]]
"""A text as it is, or pieces of it: `["x", 1000]` is a thousand times `x`, where `@N@` counts from 0."""
WANTS = ("externals", "ctx", "vfs", "snapshots", "forks", "tenants", "runs", "worker", "determinism", "mcp")
"""What an attempt may need of the system that it attacks."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that an attempt does; exactly one of the fields of `VERBS` says what."""

    cell: Text | None = None
    """Run this cell."""
    open: str | None = None
    """Open another session of that name, of `tenant`, with `limits`."""
    close: str | None = None
    """Close that session."""
    kill: str | None = None
    """Kill the worker of that session."""
    dump: str | None = None
    """Keep the session's state under that name."""
    forge: str | None = None
    """Change the kept state of that name as `how` says, or make one of `hex` or `text`."""
    load: str | None = None
    """Open `session` from the kept state of that name."""
    fork: int | None = None
    """So many copies of the session at once, each of which runs `then`."""
    together: list[Text] | None = None
    """Run these cells of one session at the same time; `close_after` seconds close it meanwhile."""
    same: Text | None = None
    """Run this cell in two sessions of one seed; their outcomes have to be equal."""
    export: str | None = None
    """Write the session's files to a folder of that name, in which `planted` stands already."""
    run: list[Text] | None = None
    """Answer `query` over `context` with these replies of the root model."""
    worker: list[dict[str, Any]] | None = None
    """Put a worker in place that does this instead of its work; see `sandboxes/liar`."""
    mcp: str | None = None
    """Call that tool of the MCP server with `arguments`."""

    session: str = "A"
    tenant: str = "default"
    limits: dict[str, float] = {}
    how: str = ""
    hex: str | None = None
    text: Text | None = None
    then: Text | None = None
    close_after: float | None = None
    planted: dict[str, str] = {}
    query: Text = "What is the answer?"
    context: Text = ""
    settings: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    times: int = 1
    """Do it so often."""

    @property
    def verb(self) -> str:
        """What the step does."""
        return next(name for name in VERBS if getattr(self, name) is not None)


VERBS = ("cell", "open", "close", "kill", "dump", "forge", "load", "fork", "together", "same", "export", "run", "worker", "mcp")


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds besides the canaries, which are always live."""

    outcome: Literal["contained"] = "contained"
    """Of every attempt, on every sandbox."""
    error: bool = False
    """The last cell ends with an error, in every sandbox."""
    never: list[str] = []
    """Texts that never come out of `session`, whatever happens."""
    session: str | None = None
    """Whose output `never` and `value` are about; None: everybody's, and the last cell's."""
    value: str | None = None
    """What the last cell's value is, where the cell has one: any other is forged."""
    answer: str | None = None
    """What a run's answer is, where it comes to one: any other is forged."""
    calls: int | None = None
    """At most so many calls reach the host."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the corpus."""

    kind: Literal["A", "B", "C", "D", "E", "F", "G", "H", "I"] = msgspec.field(name="class")
    """The class, which is the folder's name too."""
    technique: str
    """The family and the trick: `format/attribute-of-a-field`."""
    source: list[str | Step]
    """Cells, in order; or other steps."""
    expectation: Expectation
    wants: list[str] = []
    about: str = ""
    """Why it could work, in a sentence."""
    id: str = ""
    """The file's folder and name: `A/format-field`. Not in the file."""

    @property
    def steps(self) -> list[Step]:
        """The source, each as a step."""
        return [Step(cell=step) if isinstance(step, str) else step for step in self.source]


def whole(text: Text, placeholders: Iterable[tuple[str, str]] = ()) -> str:
    """The text in one piece, with the canaries' names in place of `@FILE@` and the like."""
    pieces = [text] if isinstance(text, str) else [piece if isinstance(piece, str) else _repeated(*piece) for piece in text]
    made = "".join(pieces)
    for name, value in placeholders:
        made = made.replace(name, value)
    return made


def _repeated(piece: str, times: int) -> str:
    return "".join(piece.replace("@N@", str(n)) for n in range(times)) if "@N@" in piece else piece * times


@cache
def corpus_folder() -> Path:
    """Where the corpus lies: inside the installed package, or in a checkout.

    Raises:
        ConfigError: the installation lacks it.
    """
    here = Path(__file__).resolve()
    for candidate in (here.parents[1] / "_corpus", here.parents[3] / "fuzz" / "corpus"):
        if candidate.is_dir():
            return candidate
    raise ConfigError("the attack corpus is missing from this installation; reinstall cellblock, or give --corpus FOLDER")


def load_corpus(folder: Path | None = None, *, classes: str = "", ids: Sequence[str] = ()) -> list[Attempt]:
    """The attempts of a folder, sorted: `A/name.toml` and so on.

    Args:
        folder: None takes the corpus that comes with Cellblock.
        classes: letters; empty takes all.
        ids: beginnings of ids; empty takes all.

    Raises:
        ConfigError: there is no such folder, nothing in it was chosen, or a file is not as it should be.
    """
    folder = folder or corpus_folder()
    paths = [path for path in sorted(folder.glob("[A-I]/*.toml")) if not classes or path.parent.name in classes]
    named = [(f"{path.parent.name}/{path.stem}", path) for path in paths]
    chosen = [load_attempt(path, id) for id, path in named if not ids or any(id.startswith(start) for start in ids)]
    if not chosen:
        raise ConfigError(f"no attempt of {folder} was chosen; each is a file like A/name.toml, with a class of {''.join(CLASSES)}")
    return chosen


def load_attempt(path: Path, id: str) -> Attempt:
    """The attempt in one file.

    Raises:
        ConfigError: it cannot be read, or is not as it should be; the message says where.
    """
    try:
        attempt = msgspec.convert({**tomllib.loads(path.read_text(encoding="utf-8")), "id": id}, Attempt)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for step in attempt.steps:
        if sum(getattr(step, verb) is not None for verb in VERBS) != 1:
            raise ConfigError(f"{path}: each step has exactly one of {', '.join(VERBS)}")
    if attempt.kind != id[0]:
        raise ConfigError(f"{path}: class {attempt.kind!r} in the folder of {id[0]!r}")
    if unknown := set(attempt.wants) - set(WANTS):
        raise ConfigError(f"{path}: wants {', '.join(sorted(unknown))}; known: {', '.join(WANTS)}")
    return attempt
