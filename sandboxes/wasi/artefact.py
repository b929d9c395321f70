"""The artefact: one file with the guest's core modules and the plan of how they are linked.

Layout: magic, length of the header (4 bytes, little-endian), header (JSON), then the modules one after the other.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

MAGIC = b"cellblock guest 1\n"
HOST = -1
"""Stands for the host among the sources of imports."""
HEAD_BYTES = 2**20
"""More than an artefact's head takes."""
MODULE_BYTES = 2**30


class ArtefactError(Exception):
    """The file is no artefact, or was cut short."""


@dataclass(frozen=True)
class Step:
    """One core instance: its module and, in the module's own order, where each import comes from."""

    module_bytes: int
    imports: list[tuple[int, str]]
    """Pairs of an earlier step's number (or HOST) and the name of its export."""


@dataclass(frozen=True)
class Plan:
    """How the modules become one running guest."""

    steps: list[Step]
    exports: dict[str, tuple[int, str]]
    """What the host uses: its own name for it, and the step and name behind that."""
    denied: list[str]
    """Functions of WASI that end the guest when it calls them, by number."""
    inputs: str
    """Hash of everything that the artefact was built from."""
    modules: str
    """Hash of all modules."""


@dataclass(frozen=True)
class Artefact:
    """What the head of an artefact says."""

    plan: Plan
    digest: str
    """SHA-256 of the head, which holds that of the modules: the name of this artefact."""
    modules_at: int
    """Where the first module lies in the file."""


def pack(plan: Plan, modules: list[bytes]) -> bytes:
    """The bytes of an artefact. `plan.modules` is filled in."""
    plan = replace(plan, modules=_hash(*modules))
    header = json.dumps(asdict(plan), separators=(",", ":")).encode()
    return b"".join((MAGIC, struct.pack("<I", len(header)), header, *modules))


def read_head(path: Path) -> Artefact:
    """The head of the artefact in a file.

    Raises:
        ArtefactError: there is none, or it is damaged.
    """
    try:
        with path.open("rb") as file:
            return parse_head(file.read(HEAD_BYTES))
    except FileNotFoundError:
        raise ArtefactError(f"{path} is not there; it is built with the package: pip install -e . in the checkout") from None
    except OSError as error:
        raise ArtefactError(f"{path}: {error.strerror}") from None


def parse_head(data: bytes) -> Artefact:
    """What the first bytes of an artefact say.

    Raises:
        ArtefactError: they are no artefact's.
    """
    start = len(MAGIC) + 4
    if len(data) < start or data[: len(MAGIC)] != MAGIC:
        raise ArtefactError("this file is no artefact of the wasi sandbox")
    end = start + struct.unpack_from("<I", data, len(MAGIC))[0]
    if end > min(len(data), HEAD_BYTES):
        raise ArtefactError("the artefact's header is cut short")
    try:
        return Artefact(_checked(json.loads(data[start:end])), _hash(data[:end]), end)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtefactError(f"the artefact's header is damaged: {type(error).__name__}") from None


def read_modules(path: Path) -> tuple[Artefact, list[bytes]]:
    """A whole artefact, its modules checked against the hash in its head.

    Raises:
        ArtefactError: there is none, or it is damaged.
    """
    head = read_head(path)
    data, offset, modules = path.read_bytes(), head.modules_at, []
    for step in head.plan.steps:
        modules.append(data[offset : offset + step.module_bytes])
        offset += step.module_bytes
    if offset != len(data) or _hash(*modules) != head.plan.modules:
        raise ArtefactError("the artefact's modules are damaged; build it anew")
    return head, modules


def _hash(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


def _checked(raw: dict[str, Any]) -> Plan:
    steps = [Step(int(step["module_bytes"]), [(int(k), str(name)) for k, name in step["imports"]]) for step in raw["steps"]]
    for number, step in enumerate(steps):
        _check_places([source for source, _ in step.imports], HOST, number)
        _check_places([step.module_bytes], 0, MODULE_BYTES)
    exports = {str(name): (int(k), str(export)) for name, (k, export) in raw["exports"].items()}
    _check_places([k for k, _ in exports.values()], 0, len(steps))
    return Plan(steps, exports, [str(name) for name in raw["denied"]], str(raw["inputs"]), str(raw["modules"]))


def _check_places(numbers: list[int], low: int, high: int) -> None:
    if any(not low <= number < high for number in numbers):
        raise ValueError("a number out of its range")
