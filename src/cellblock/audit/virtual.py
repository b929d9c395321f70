"""The engine's virtual files in a session without a run, and their export to a real folder in which traps stand."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio.to_thread

from ..host.exporting import export
from ..host.vfs import Vfs, VfsLimits
from ..repl.protocol import External
from .attempts import Step
from .norun import file_externals

if TYPE_CHECKING:
    from .stage import Stage

LIMITS = VfsLimits()
FIRST = {"/data/hello.txt": b"hello\n", "/data/sub/deep.txt": b"deep\n"}
"""What stands there before the attempt."""


class VirtualFiles:
    """The files of one attempt."""

    def __init__(self) -> None:
        self.vfs = Vfs(LIMITS)
        for path, data in FIRST.items():
            self.vfs.write(path, data)

    def externals(self) -> dict[str, External]:
        """`vfs.read` and so on."""
        return file_externals(self.vfs)

    def over(self) -> list[str]:
        """Quotas that were passed."""
        files = self.vfs.files()
        used = {"files": len(files), "total_bytes": sum(map(len, files.values())), "file_bytes": max(map(len, files.values()), default=0)}
        return [f"{used[name]:,} {name}, {getattr(LIMITS, name):,} were allowed" for name in used if used[name] > getattr(LIMITS, name)]


async def exported(stage: Stage, step: Step) -> None:
    """Write the files to a real folder; what `planted` says stands in it already."""
    with TemporaryDirectory(prefix="cellblock-export-") as folder:
        root = Path(folder) / str(step.export)
        if step.planted:
            root.mkdir(parents=True)
        for name, what in step.planted.items():
            kind, _, argument = what.partition(" ")
            _plant(root / name, kind, _filled(argument, stage.placeholders))
        files = stage.files[step.session].vfs.files()
        await anyio.to_thread.run_sync(lambda: export(files, root, overwrite=bool(step.planted)))


def _plant(path: Path, kind: str, argument: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "link":
            path.symlink_to(argument)
        case "hard":
            path.hardlink_to(argument)
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.write_text(argument)


def _filled(text: str, placeholders: list[tuple[str, str]]) -> str:
    for name, value in placeholders:
        text = text.replace(name, value)
    return text
