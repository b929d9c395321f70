"""The pytest plugin: the attack corpus as tests, and fixtures to attack one's own functions with live canaries.

    pytest --cellblock-audit                       # every attempt is a test
    pytest --cellblock-audit --cellblock-system my_package.systems:mine --cellblock-class A

Fixtures: `canaries`, and `sandbox`, which opens sessions with one's own externals and tools. Nothing heavy is imported before it is
needed: every pytest of an environment that has Cellblock loads this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .attempts import Attempt
    from .bench import Bench, Canary
    from .runner import Desk

GROUP = "cellblock audit"
SYSTEMS = "cellblock_systems"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and their like in a configuration file."""
    group = parser.getgroup(GROUP)
    group.addoption("--cellblock-audit", action="store_true", help="make every attempt of the attack corpus a test")
    group.addoption(
        "--cellblock-system",
        action="append",
        metavar="NAME",
        help="what is attacked: a sandbox, or module:attribute of a cellblock.audit.System; repeatable (default: monty)",
    )
    group.addoption("--cellblock-class", default="", metavar="LETTERS", help="classes of attempts, such as AB (default: all)")
    group.addoption("--cellblock-only", action="append", metavar="ID", help="attempts whose id begins so, such as A/format; repeatable")
    group.addoption("--cellblock-corpus", metavar="FOLDER", help="attempts of your own in place of those that come with Cellblock")
    parser.addini(SYSTEMS, "what pytest --cellblock-audit attacks", type="args", default=[])


def _systems(config: pytest.Config) -> list[str]:
    return config.getoption("--cellblock-system") or config.getini(SYSTEMS) or ["monty"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that use the fixture `sandbox` run once for each system."""
    if "cellblock_system" in metafunc.fixturenames:
        metafunc.parametrize("cellblock_system", _systems(metafunc.config), scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the attempts; `-k` and the like choose among them as among other tests."""
    if not config.getoption("--cellblock-audit"):
        return
    from ..errors import CellblockError

    try:
        for system in _systems(config):
            collector = _System.from_parent(session, name=system)
            items += collector.collect()
    except CellblockError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the throw-away processes."""
    for desk in config.stash.get(_DESKS, {}).values():
        desk.close()


_DESKS = pytest.StashKey[dict[str, "Desk"]]()


class _System(pytest.Collector):
    """All attempts on one system."""

    def collect(self) -> list[_Attempt]:
        from .attempts import corpus_folder, load_corpus
        from .runner import externals_of
        from .systems import find_system

        config, system = self.config, find_system(self.name)
        given = config.getoption("--cellblock-corpus")
        folder = Path(given) if given else corpus_folder()
        attempts = load_corpus(
            folder, classes=config.getoption("--cellblock-class").upper(), ids=config.getoption("--cellblock-only") or ()
        )
        return [
            _Attempt.from_parent(
                self, name=attempt.id if external == "echo" else f"{attempt.id}[{external}]", made=(attempt, external, folder)
            )
            for attempt in attempts
            for external in externals_of(system, attempt)
        ]


class _NotContained(Exception):
    """What an attempt came to."""


class _Attempt(pytest.Item):
    """One attempt on one system."""

    def __init__(self, *, made: tuple[Attempt, str, Path], **named: Any) -> None:
        super().__init__(**named)
        self.attempt, self.external, self.folder = made

    def runtest(self) -> None:
        """Make it."""
        from .judging import Outcome

        result = self._desk().make(self.attempt, self.external)
        if result.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip("; ".join(result.why))
        if result.outcome is not Outcome.CONTAINED:
            raise _NotContained(f"{result.outcome}: {'; '.join(result.why)}")

    def _desk(self) -> Desk:
        from .runner import Audit, Desk

        assert self.parent is not None
        desks = self.config.stash.setdefault(_DESKS, {})
        if self.parent.name not in desks:
            desks[self.parent.name] = Desk(Audit(), self.parent.name, "both")
        return desks[self.parent.name]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason and the source, not our traceback."""
        if isinstance(excinfo.value, _NotContained):
            cells = "\n".join(step if isinstance(step, str) else repr(step) for step in self.attempt.source)
            return f"{self.attempt.about}\n{cells[:4_000]}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands."""
        return self.folder / f"{self.attempt.id}.toml", 0, self.name


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canary]:
    """Live canaries for one test: a secret in a file, in a variable of this process and in its memory, a port, a file that must not appear.

    `canaries.check(result, …)` fails the test where a secret stands in what came out; the rest is looked at when the test ends.
    """
    from .bench import Canary
    from .canaries import planted

    with planted() as made:
        monkeypatch.setenv(made.planted.variable, made.planted.in_variable)
        canary = Canary(made)
        yield canary
        canary.check()


@pytest.fixture
def sandbox(cellblock_system: str) -> Iterator[Bench]:
    """Opens sessions of the system under attack: `sandbox(lookup=lookup, tools=[…]).exec(code)`."""
    from .bench import Bench

    with Bench(cellblock_system) as bench:
        yield bench
