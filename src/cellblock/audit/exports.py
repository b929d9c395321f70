"""The step `export`: a session's files are written to a real folder, in which traps stand."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from ..host.exporting import export
from ..in_thread import in_thread
from .attempts import Step
from .stage import Stage


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
        await in_thread(lambda: export(files, root, overwrite=bool(step.planted)))


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
