from __future__ import annotations

from collections.abc import Iterator

import pytest
from loopback import serving
from models.fake_provider import FakeProvider, FakeProviders


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, FakeProviders]]:
    providers = FakeProviders()
    with serving(providers.app) as url:
        yield url, providers


@pytest.fixture
def home(server: tuple[str, FakeProviders]) -> tuple[str, FakeProvider]:
    """A provider of the test's own, and its address."""
    path, fake = server[1].open()
    return server[0] + path, fake


@pytest.fixture
def address(home: tuple[str, FakeProvider]) -> str:
    return home[0]


@pytest.fixture
def fake(home: tuple[str, FakeProvider]) -> FakeProvider:
    return home[1]
