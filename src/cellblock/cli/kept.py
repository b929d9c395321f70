"""What is kept beside the journal, for commands that read it or add to it without asking anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CellblockError, ConfigError, StoreError
from .terminal import one_line

if TYPE_CHECKING:
    from ..engine.kept import Place
    from ..store.opening import Store
    from ..store.threads import Added

TENANT = "default"
"""Whose threads the command line sees."""

# No Path: that would make one slash of the two in an address.
KeptIn = Annotated[
    str | None,
    typer.Option("--journal", metavar="FILE", help="Where it is kept.  [default: journal.db in the user's data folder]"),
]


def place(journal: str | None) -> Place:
    """Where it is.

    Raises:
        ConfigError: in memory.
    """
    from ..engine.kept import place_of

    with opening():
        return place_of(journal, TENANT)


def in_words_of_the_command(error: CellblockError) -> ConfigError:
    """A wrong call's error of the library, with the names that options have."""
    return ConfigError(str(error).replace("journal=", "--journal").replace("sandbox=", "--sandbox "))


@contextmanager
def opening() -> Iterator[None]:
    """What cannot be opened is a wrong call."""
    try:
        yield
    except (ConfigError, StoreError) as error:
        raise in_words_of_the_command(error) from error


def check(at: Place) -> None:
    """Make the store there if it is missing, so that what is wrong with the place is told before anything else is done.

    Raises:
        ConfigError: it cannot be used.
    """
    with opening(), at.opened():
        pass


@contextmanager
def reading(at: Place) -> Iterator[Store]:
    """The store there, for reading: none is made.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    if not is_there(at):
        raise ConfigError(f"{at.path}: there is no journal; name one with --journal")
    with ExitStack() as stack:
        with opening():
            store = stack.enter_context(at.opened())
        yield store


def is_there(at: Place) -> bool:
    """Whether there is anything; of a server, that is found out by asking it."""
    try:
        return "://" in at.path or Path(at.path).exists()
    except (OSError, ValueError):
        return False


def check_name(thread: str) -> None:
    """Refuse what cannot be a thread's name, before anything is read.

    Raises:
        ConfigError: it cannot be one.
    """
    from ..store.threads import check_thread_name

    check_thread_name(thread)


def unknown(thread: str, at: Place) -> ConfigError:
    """What to say where there is no such thread."""
    return ConfigError(f"there is no thread {one_line(thread)} in {at.path}; cellblock threads list shows them")


def told_added(added: Added) -> str:
    """How many documents are new, and how many were there."""
    return f"{counted(added.new, 'document')} added" + (f", {added.known:,} there already" if added.known else "")


def counted(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
