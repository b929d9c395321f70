"""`cellblock upload`: documents into a thread, for questions that come later."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import ConfigError
from . import options as o
from .calls import read_context, tell_skipped
from .kept import KeptIn, check, check_name, place, told_added
from .terminal import say, to_json, write

EPILOG = """
**Examples**

cellblock upload --thread lease contracts/ "annex/*.md"

git log -p | cellblock upload --thread history -

cellblock chat --thread lease

A document that is there already, under the same name and with the same text, is not added again.
"""


def upload(
    thread: Annotated[str, typer.Option("--thread", metavar="NAME", help="The thread; made if it is new.")],
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files, folders, globs in quotes, or - for standard input.")
    ] = None,
    journal: KeptIn = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Add documents to a thread. They stay there for all of its questions."""
    import anyio

    from ..engine.kept import upload as add

    if not sources:
        raise ConfigError("nothing to add: name a file, a folder or a glob, or - for standard input")
    at = place(journal)
    check_name(thread)
    with read_context(sources) as context:
        if not quiet:
            tell_skipped(context)
        check(at)
        added = anyio.run(add, at, thread, context)
        if json:
            write(to_json({"thread": thread, "added": added.new, "known": added.known, "skipped_files": len(context.skipped)}))
        elif not quiet:
            say(told_added(added))
