from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import serving

from .chains import Setting
from .checking import Undisturbed
from .counting import CountingServer
from .hosts import Host, host


@pytest.fixture(scope="session")
def hosting() -> Iterator[Host]:
    with host() as opened:
        yield opened


@pytest.fixture(scope="session")
def serving_stories() -> Iterator[tuple[CountingServer, str]]:
    server = CountingServer()
    with serving(server.app) as url:
        yield server, url


@pytest.fixture(scope="session")
def undisturbed() -> dict[tuple[str, int | None], Undisturbed]:
    """Of each setting the run that nothing happened to: it is the same for all tests."""
    return {}


@pytest.fixture
def staged(
    hosting: Host,
    serving_stories: tuple[CountingServer, str],
    undisturbed: dict[tuple[str, int | None], Undisturbed],
    tmp_path: Path,
) -> Iterator[Callable[..., Setting]]:
    """Makes the setting of a test's runs."""
    server, url = serving_stories

    def make(sandbox: str, every: int | None = None) -> Setting:
        return Setting(host=hosting, server=server, url=url, folder=tmp_path, sandbox=sandbox, every=every, known=undisturbed)

    yield make
    server.release()
