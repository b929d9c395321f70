"""`cellblock files`: the virtual files of a run, listed or exported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as o
from . import records
from .terminal import one_line, say, to_json, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EPILOG = """
**Examples**

cellblock files last

cellblock files 20260301-1015 --to out/

`cellblock runs` lists the runs.
"""
To = Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Write them there: a folder that is empty or not there yet.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="The folder may hold files; those of the same names are replaced.")]


def files(
    run: records.RunName,
    to: To = None,
    overwrite: Overwrite = False,
    journal: o.Journal = None,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """List the files that a run's cells have written, with their sizes, or export them to a folder.

    They never were files of this machine, and nothing outside of FOLDER is touched.
    """
    run_id, found = _recorded(run, journal)
    written = () if to is None else _export(found, to, overwrite=overwrite)
    if json:
        told = [{"path": path, "bytes": len(data)} for path, data in sorted(found.items())]
        write(to_json({"run_id": run_id, "files": told, "to": None if to is None else str(to)}))
    elif to is None:
        _list(found)
    else:
        say(f"{len(written):,} {'file' if len(written) == 1 else 'files'} written below {one_line(str(to))}")


def _recorded(run: str, journal: str | None) -> tuple[str, Mapping[str, bytes]]:
    from ..engine.run_files import recorded_files
    from ..repl.keys import tenant_key
    from ..store.journal import DEFAULT_TENANT

    with records.reading(journal, key=tenant_key(DEFAULT_TENANT)) as store:
        run_id = records.find(store, run, records.newest).run_id
        return run_id, recorded_files(store, run_id)


def _export(found: Mapping[str, bytes], to: Path, *, overwrite: bool) -> Sequence[Path]:
    from ..errors import ConfigError
    from ..host.exporting import export

    try:
        return export(found, to, overwrite=overwrite)
    except ConfigError as error:
        raise ConfigError(str(error).replace("overwrite=True", "--overwrite")) from error


def _list(found: Mapping[str, bytes]) -> None:
    if not found:
        say("this run has no files")
        return
    width = max(len(f"{len(data):,}") for data in found.values())
    write("\n".join(f"{len(data):>{width},}  {one_line(path)}" for path, data in sorted(found.items())))
