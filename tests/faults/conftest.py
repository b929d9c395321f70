from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import serving

from .chains import Setting
from .counting import CountingServer
from .hosts import Host, host


@pytest.fixture(scope="session")
def hosting() -> Iterator[Host]:
    with host() as opened:
        yield opened


@pytest.fixture
def staged(hosting: Host, tmp_path: Path) -> Iterator[Callable[..., Setting]]:
    """Makes the setting of a test's runs, beside a server of its own."""
    server = CountingServer()

    def make(sandbox: str, every: int | None = None) -> Setting:
        return Setting(host=hosting, server=server, url=url, folder=tmp_path, sandbox=sandbox, every=every)

    with serving(server.app) as url:
        yield make
