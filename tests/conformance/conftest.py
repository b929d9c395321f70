from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from oracle import Oracle

from cellblock.repl.registry import known_sandboxes


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sandbox", action="append", help="run the conformance suite on this sandbox only; may be given several times")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every sandbox that is known here, or those that `--sandbox` names."""
    if "sandbox" in metafunc.fixturenames:
        metafunc.parametrize("sandbox", metafunc.config.getoption("--sandbox", None) or known_sandboxes(), indirect=True)


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> str:
    """The name of each sandbox in turn."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """Plain CPython, started once."""
    one = Oracle()
    yield one
    one.close()
